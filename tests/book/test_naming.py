"""Folds and links say by themselves what they hold and where they lead."""

import naming

CODE = '<div class="cell docutils container">\n<details class="code-fold"><summary>show code</summary>\n<pre></pre></details>\n'


def labels(page):
    return [part.split('"')[0] for part in naming.named(page).split('aria-label="')[1:]]


def test_a_fold_names_its_check_or_its_figure_and_nothing_else():
    line = '<p class="check-line"><a>checked</a>: <a>Eq. 1.1</a>, <a>Lemma 1.2</a>{}</p>\n'
    figure = '<figcaption><p><span class="caption-number">Figure 1.3 </span>'
    end = "</article>"
    for told in (" on 5 values, largest difference 2e-7", ": 2 asserts hold"):
        assert labels(line.format(told) + CODE + figure + end) == ["show code of the check of Eq. 1.1, Lemma 1.2"]
    assert labels(CODE + figure + end) == ["show code of Figure 1.3"]
    # The figure of another cell, of another section, and the check of another fold.
    assert labels(CODE + CODE + figure + end) == ["show code of Figure 1.3"]
    assert labels(CODE + "<h2>Next</h2>" + figure + end) == []
    assert labels(line.format(": 1 assert holds") + CODE + "<p></p>" + CODE + end) == [
        "show code of the check of Eq. 1.1, Lemma 1.2"
    ]
    assert labels(CODE.replace("show code", "show the answer") + end) == []


def test_a_year_has_its_author_and_a_number_its_chapter():
    link = '<a class="reference internal" href="b.html#id2" title="A. Title.">{}</a>'
    span = '<span class="bibtex-citation" id="id1">{}</span>'
    one = span.format(f"Hu <em>et al.</em> [{link.format('2018')}]")
    assert labels(one) == ["Hu et al., 2018"] and naming.named(one).count("<em>et al.</em>") == 1
    two = span.format(f"Li and Qi [{link.format('2014b')}], Wu [{link.format('2020')}]")
    assert labels(two) == ["Li and Qi, 2014b", "Wu, 2020"]
    assert labels(span.format(f"[{link.format('Holm, 1979')}]")) == []
    chapter = '<a href="03.html" title="The VAE"><span class="doc">{}</span></a>'
    assert labels(chapter.format("3")) == ["chapter 3"] and labels(chapter.format("chapter 3")) == []
