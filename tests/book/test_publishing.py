"""Where the book is published, by settings that are empty here: links to its repository, and what others read of it."""

import re
from xml.etree import ElementTree

import publishing
import pytest
import whole
import yaml
from bs4 import BeautifulSoup
from contents import BookError
from helpers import ROOT
from jupyter_book.config import get_final_config
from PIL import Image

CONFIG = (ROOT / "_config.yml").read_text(encoding="utf8")
URL = "https://github.com/owner/the.book"
BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button", "use_source_button")


BASE = "https://owner.github.io/book/"


def with_settings(url="", branch="main", base=""):
    settings = yaml.safe_load(CONFIG)
    settings["repository"] |= {"url": url, "branch": branch}
    settings["html"]["baseurl"] = base
    return yaml.safe_dump(settings, sort_keys=False)


def options(text):
    """The theme's options that Sphinx gets from a _config.yml."""
    final, _ = get_final_config(
        user_yaml=yaml.safe_load(publishing.configured(text)), cli_config={"latex_individualpages": False}
    )
    return final["html_theme_options"]


def links(html, page):
    """Label or words of each button in a page's header -> where it leads."""
    soup = BeautifulSoup((html / page).read_text(encoding="utf8"), "html.parser")
    found = soup.select(".article-header-buttons a[href]")
    return {" ".join(a.get_text().split()) or a["title"]: a["href"] for a in found}


# -- a repository -----------------------------------------------------------------------------------------------


def test_without_a_repository_no_button_is_asked_for():
    got = options(CONFIG)
    assert got["repository_url"] == "" and not any(got.get(button) for button in BUTTONS)
    assert not any(
        got["launch_buttons"].get(name) for name in ("binderhub_url", "colab_url", "thebe", "jupyterhub_url")
    )


@pytest.mark.parametrize("written", [URL, URL + "/", URL + ".git"])
def test_one_setting_turns_them_all_on(written):
    got = options(with_settings(written, "trunk"))
    assert (got["repository_url"], got["repository_branch"]) == (URL, "trunk")
    assert all(got[button] is True for button in BUTTONS)
    launch = got["launch_buttons"]
    assert launch["binderhub_url"] == "https://mybinder.org" and launch["notebook_interface"] == "jupyterlab"
    assert launch["colab_url"] == "https://colab.research.google.com"
    assert got["navbar_persistent"] == [] and "MIT" in got["extra_footer"], "the rest stays"


def test_colab_opens_what_is_on_github_only():
    got = options(with_settings("https://gitlab.com/owner/book"))
    assert got["launch_buttons"]["binderhub_url"] and not got["launch_buttons"]["colab_url"]


@pytest.mark.parametrize(
    "wrong", ["github.com/owner/book", "https://example.org/a/b", URL + "/tree/main", "owner/book"]
)
def test_an_address_that_no_button_can_use_is_named(wrong):
    with pytest.raises(BookError, match="repository: url in _config.yml must be like https://github.com/owner/name"):
        publishing.configured(with_settings(wrong))


def test_pages_have_the_buttons_with_the_setting_and_lack_them_without(small, at_once):
    toc = small.toc | {"chapters": [*small.toc["chapters"], {"file": "genindex"}]}
    (small.root / "_toc.yml").write_text(yaml.safe_dump(toc))
    (small.root / "book" / "genindex.md").write_text("# Index\n")
    small("x = 1")
    html = small.root / "_build" / "html"
    assert at_once("--write")[0] == 0
    status, told = at_once()
    assert status == 0, told
    assert links(html, "notebooks/01_small.html") == {".ipynb": "../_sources/notebooks/01_small.ipynb"}
    (small.root / "_config.yml").write_text(with_settings(URL))
    status, told = at_once()
    assert status == 0, told
    source = f"{URL}/blob/main/notebooks/01_small.ipynb"
    assert links(html, "notebooks/01_small.html") == {
        "Binder": f"{URL.replace('https://github.com', 'https://mybinder.org/v2/gh')}/main"
        "?urlpath=lab/tree/notebooks/01_small.ipynb",
        "Colab": source.replace("https://github.com", "https://colab.research.google.com/github"),
        "Repository": URL,
        "Show source": f"{source}?plain=1",
        "Suggest edit": source.replace("/blob/", "/edit/"),
        "Open issue": f"{URL}/issues/new?title=Issue%20on%20page%20%2Fnotebooks/01_small.html"
        "&body=Your%20issue%20content%20here.",
        ".ipynb": "../_sources/notebooks/01_small.ipynb",
    }
    intro, index = links(html, "book/intro.html"), links(html, "genindex.html")
    assert intro["Suggest edit"] == f"{URL}/edit/main/book/intro.md" and "Colab" not in intro
    assert index["Repository"] == URL and "Suggest edit" not in index, "a page without a file of its own"


def test_binder_gets_the_books_environment_and_the_library():
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf8").splitlines()
    asked = [line for line in lines if not line.startswith("#")]
    assert asked == ["--extra-index-url https://download.pytorch.org/whl/cpu", "-r ../requirements.txt", "."]
    assert (ROOT / "pyproject.toml").is_file(), "what `.` is, as Binder installs from the top folder"
    python = re.fullmatch(r"python-(3\.\d+)\n", (ROOT / "binder" / "runtime.txt").read_text(encoding="utf8"))[1]
    assert python in {"3.11", "3.12", "3.13"}


# -- a base address ---------------------------------------------------------------------------------------------


def test_a_description_is_the_first_paragraph_in_words():
    formula = '<p>The law <span class="math notranslate nohighlight">\\(p\\)</span> is one.</p>'
    box, long = "<div class='admonition'><p>Time: one hour.</p></div>", "Word after word, " * 20
    assert (
        publishing.description(f"<article>{box}{formula}<p>Said &amp;\n<b>done</b>.</p><p>x y</p></article>")
        == "Said & done."
    )
    cut = publishing.description(f"<article><p>{long}</p></article>")
    assert cut == "Word after word, " * 11 + "Word after…" and len(cut) <= 200
    assert publishing.description("<article><p>Alone</p></article>") == publishing.description("") == ""


def test_what_is_said_of_a_page_cannot_leave_its_place():
    lines = publishing.card('<h1>A <i>b</i> "><b>&lt;c</h1><article><p>x "y"</p></article>', BASE, "a.html", "Site")
    assert (
        'property="og:title" content="A b &quot;&gt;&lt;c"' in lines
        and lines.count('description" content="x &quot;y&quot;">') == 2
    )


@pytest.mark.parametrize("wrong", ["owner.github.io/book/", "https://owner.github.io/book", "https:///book/"])
def test_a_base_address_that_makes_no_address_of_a_page_is_named(wrong):
    with pytest.raises(BookError, match="html: baseurl in _config.yml must be like https://owner.github.io/name/"):
        publishing.configured(with_settings(base=wrong))


def heads(html, page):
    """The meta elements of a page as (name or property, content), and the addresses of its links by their rel."""
    soup = BeautifulSoup((html / page).read_text(encoding="utf8"), "html.parser")
    metas = {m.get("name") or m.get("property"): m["content"] for m in soup.head.select("meta[content]")}
    return metas, {link["rel"][0]: link["href"] for link in soup.head.select("link[rel][href]")}


def test_pages_say_what_they_are_where_they_have_an_address_and_nothing_elsewhere(small, at_once):
    (small.root / "book" / "intro.md").write_text(
        "# A small & fine book\n\nOne paragraph of words & more. " + "Then others. " * 20
    )
    small("x = 1")
    html = small.root / "_build" / "html"
    assert at_once("--write")[0] == 0
    status, told = at_once()
    assert status == 0, told
    metas, links = heads(html, "book/intro.html")
    assert not any(name.startswith(("og:", "twitter:", "description")) for name in metas) and "canonical" not in links
    assert not (html / "sitemap.xml").exists() and not (html / "_static" / "social.png").exists()
    (small.root / "_config.yml").write_text(with_settings(base=BASE))
    status, told = at_once()
    assert status == 0, told
    metas, links = heads(html, "book/intro.html")
    start = "One paragraph of words & more. Then others."
    assert (
        metas["description"].startswith(start)
        and metas["description"].endswith("…")
        and len(metas["description"]) <= 200
    )
    assert {name: value for name, value in metas.items() if name.startswith("og:")} == {
        "og:type": "article",
        "og:site_name": "GANs and VAEs as one problem",
        "og:title": "A small & fine book",
        "og:description": metas["description"],
        "og:url": BASE + "book/intro.html",
        "og:image": BASE + "_static/social.png",
        "og:image:width": "1200",
        "og:image:height": "630",
    }
    assert links["canonical"] == BASE + "book/intro.html" and metas["twitter:card"] == "summary_large_image"
    assert heads(html, "notebooks/01_small.html")[0]["og:title"].endswith("One")
    sitemap = ElementTree.parse(html / "sitemap.xml").getroot()
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    assert [e.text for e in sitemap.findall(f"{space}url/{space}loc")] == [
        BASE + name for name in ("book/intro.html", "notebooks/01_small.html")
    ]
    assert sitemap.tag == f"{space}urlset"
    with Image.open(html / "_static" / "social.png") as picture:
        assert picture.size == (1200, 630) and len(picture.convert("RGB").getcolors(10_000)) > 20, (
            "a figure, not a blank"
        )
    assert (html / "_static" / "social.png").stat().st_size < 150_000


# -- the whole book in a file -----------------------------------------------------------------------------------


def test_the_first_page_links_to_the_whole_book_where_that_is_there(small, at_once, tmp_path):
    intro = ROOT / "book" / "intro.md"
    [place] = [line for line in intro.read_text(encoding="utf8").splitlines() if 'class="files"' in line]
    with (small.root / "book" / "intro.md").open("a", encoding="utf8") as page:
        page.write(f"\n\n{place}\n")
    small("x = 1")
    html = small.root / "_build" / "html"
    assert at_once("--write")[0] == 0
    status, told = at_once()
    assert status == 0, told

    def offers():
        soup = BeautifulSoup((html / "book" / "intro.html").read_text(encoding="utf8"), "html.parser")
        return soup.article.select_one(".files").get_text(), [a["href"] for a in soup.article.select(".files a")]

    assert offers() == ("", []), "no link without a file"
    files = [tmp_path / "ganvae.pdf", tmp_path / "ganvae.epub"]
    for path, size in zip(files, (30, 11), strict=True):
        path.write_bytes(bytes(size * 2**20))
    for _ in range(2):  # a second time changes nothing
        publishing.offered(html, files)
        assert offers() == (
            " The whole book is also one file: PDF (30 MB) or ePub (11 MB).",
            ["../ganvae.pdf", "../ganvae.epub"],
        )
    assert [(html / "book" / link).resolve().stat().st_size // 2**20 for link in offers()[1]] == [30, 11]
    article = BeautifulSoup((html / "book" / "intro.html").read_text(encoding="utf8"), "html.parser").article
    whole.settle(article, "book/intro", {"book/intro"})
    assert not article.select(".files") and "one file" not in article.get_text(), "the book does not offer itself"
    publishing.offered(html, [])
    assert offers() == ("", [])
    (html / "book" / "intro.html").write_text("<article></article>")
    with pytest.raises(BookError, match="has 0 places"):
        publishing.offered(html, files)
