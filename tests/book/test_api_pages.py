"""The API reference, the links of code to it, and what the book says of itself."""

import re
from types import SimpleNamespace

import api
import colophon
import contents
import docstrings
import linking
import pytest
from helpers import ROOT
from registry import LABEL
from whole_registry import REGISTRY

import ganvae_course
import ganvae_lib

REFERENCE = api.Reference(REGISTRY)
PAGES = {page: ROOT / f"{page}.md" for page in contents.pages(ROOT / "_toc.yml") if page.startswith("book/api")}
FILLED = {page: api.filled(path.read_text(encoding="utf8"), REGISTRY) for page, path in PAGES.items()}
HTML = ROOT / "_build" / "html"
FRONT = [*ganvae_lib.__all__, *(f"ganvae_course.{name}" for name in ganvae_course.__all__)]


# -- entries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FRONT)
def test_each_name_of_the_front_door_has_one_entry_with_its_docstring(name):
    anchor = REFERENCE.of(name.removeprefix("ganvae_course."))
    module, _, last = anchor.removeprefix("module-").rpartition(".")
    if anchor.startswith("module-"):
        wanted = f".. py:module:: {module}.{last}\n"
        assert sum(text.count(wanted) for text in FILLED.values()) == 1
        return
    entry = rf"\.\. py:currentmodule:: {re.escape(module)}\n\n\.\. py:(?:class|function|data):: {last}\b(.*?)(?=\n\.\. py:|\Z)"
    found = [text for page in FILLED.values() for text in re.findall(entry, page, re.S)]
    assert len(found) == 1
    thing = getattr(ganvae_course if "." in name else ganvae_lib, name.rpartition(".")[2])
    if getattr(thing, "__doc__", None) and hasattr(thing, "__name__"):
        first = re.search(r"[^\W_]+", thing.__doc__.strip())[0]
        assert first in found[0] and (">>>" in thing.__doc__) == (">>>" in found[0])


def test_no_label_of_a_docstring_stays_a_word():
    whole = "\n".join(FILLED.values())
    assert re.findall(rf"``{LABEL}``", whole) == []
    labels = set(re.findall(rf":(?:eq|prf:ref):`({LABEL})`", whole))
    assert {"eq-elbo", "eq-gan-value", "def-features", "lem-stacks"} <= labels <= set(REGISTRY.statements)


def test_what_is_reached_through_a_package_has_the_entry_of_its_own_name():
    for name, anchor in {
        "nets.mlp": "ganvae_lib.networks.mlp",
        "zoo.GAN": "ganvae_lib.zoo.GAN",
        "metrics.interval": "ganvae_lib.interval",
        "lemmas.gradient": "ganvae_lib.gradient",
        "rejection.sample": "ganvae_lib.measure.rejection.sample",
        "check": "ganvae_course.check",
        "nets": "module-ganvae_lib.networks",
    }.items():
        assert REFERENCE.of(name) == anchor
    assert REFERENCE.of("nets.nothing") is None and REFERENCE.of("nothing") is None


def test_a_model_of_the_zoo_shows_its_losses_and_its_place():
    entry = "\n".join(REFERENCE.entry("zoo", "AAE"))
    assert ":numref:`fig-11-codes` in :doc:`/notebooks/11_infogan_and_aae`" in entry
    assert str(ganvae_lib.zoo.AAE).splitlines()[0] in entry
    assert "PixelCNN: " in "\n".join(REFERENCE.entry("zoo", "PIXELCNN"))  # the objective is that of maximum likelihood


def test_a_signature_is_as_it_was_written():
    def f(a: "int | str", *, b: float = 0.5, c=len, d=None) -> "dict[str, int]": ...

    assert api.signature(f) == "(a: int | str, *, b: float = 0.5, c=..., d=None) -> dict[str, int]"
    assert api.signature(f, method=True).startswith("(*, b: float")


# -- docstrings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("E_d[*x*] | y\nof ``x``s.", [r"E\_d[\*x\*] \| y of ``x``\ s.", ""]),
        ("The sum (Eq. ``eq-elbo``, chapter 03).", ["The sum (:eq:`eq-elbo`, :doc:`chapter 3 </notebooks/03_", ""]),
        ("Lemma ``lem-gap`` and ``def-features``", [":prf:ref:`lem-gap` and :eq:`def-features`", ""]),
        ("Of :class:`~ganvae_lib.Run`, by ``fit``.",
         ["Of :py:obj:`Run <ganvae_lib.Run>`, by :py:obj:`fit <ganvae_lib.fit>`.", ""]),
        ("link:  a name\n       that is\nknown.\nk:     two.\nPlain.", ["* ``link``: a name that is known.", "", "* ``k``: two.", "", "Plain.", ""]),
        (">>> f(1)\n2", [".. code-block:: pycon", "", "   >>> f(1)", "   2", ""]),
        ("One.\n\n    a  b\n    c  d\n\nTwo.", ["One.", "", ".. code-block:: text", "", "   a  b", "   c  d", "", "Two.", ""]),
    ],
)  # fmt: skip
def test_a_docstring_becomes_restructured_text(text, wanted):
    found = docstrings.Text(REGISTRY, REFERENCE.of)(text)
    assert len(found) == len(wanted) and all(line.startswith(part) for line, part in zip(found, wanted, strict=True))


# -- names in code ---------------------------------------------------------------------------------------------


def span(name, kind="n"):
    return f'<span class="{kind}">{name}</span>'


def test_names_in_code_lead_to_their_entries(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks").mkdir()
    anchors = ("ganvae_lib.build", "ganvae_lib.scale", "ganvae_lib.zoo.GAN", "module-ganvae_lib.zoo", "ganvae_lib.toy")
    (tmp_path / "book" / "api_x.html").write_text("".join(f'<dt id="{anchor}">' for anchor in anchors))
    dot, equals = span(".", "o"), span("=", "o")
    code = (
        f"from ganvae_lib import {span('build')}, {span('scale')}, {span('toy')}, {span('zoo')}, nothing\n"
        f"{span('build')}({span('zoo')}{dot}{span('GAN')}, {span('scale')}{equals}1)\n"
        f"model{dot}{span('build')}\n{span('zoo')}{dot}{span('new')}\n{span('toy')} {equals} 1\n{span('nothing')}"
    )
    page = tmp_path / "notebooks" / "a.html"
    whole = f'<div class="highlight-python notranslate"><div class="highlight"><pre>{code}</pre></div>{span("build")}'
    page.write_text(whole)
    linking.linked(tmp_path)
    text = page.read_text()
    found = re.findall(r'<a class="api" href="\.\./book/api_x\.html#([\w.-]+)">(.*?)</a>', text)
    assert [(entry, re.sub(r"<.*?>", "", shown)) for entry, shown in found] == [
        ("ganvae_lib.build", "build"),
        ("ganvae_lib.scale", "scale"),  # but not where it is the name of an argument
        ("module-ganvae_lib.zoo", "zoo"),
        ("ganvae_lib.build", "build"),
        ("ganvae_lib.zoo.GAN", "zoo.GAN"),
        ("module-ganvae_lib.zoo", "zoo"),
    ]  # toy is something else on this page, model.build is not build, and what is no code is left alone
    assert re.sub(r"</?a\b.*?>", "", text) == whole and linking.dead(tmp_path) == []
    page.write_text(text.replace("#ganvae_lib.scale", "#ganvae_lib.scales"))
    assert linking.dead(tmp_path) == ["notebooks/a.html: there is no ../book/api_x.html#ganvae_lib.scales"]


# -- what the book says of itself --------------------------------------------------------------------------------


def test_the_version_is_cited_and_the_changes_are_told():
    text = colophon.filled("% cite\n\n% changes\n", ROOT)
    assert f"version {ganvae_lib.__version__} of 20" in text and "@misc{ganvae," in text
    assert f"\n### {ganvae_lib.__version__}" in text and "\n# " not in text and "\n## " not in text


def test_lemmas_and_models_are_entries_of_the_index():
    found = colophon.entries(REGISTRY, {"AAE": "fig-11-codes", "hinge GAN": "eq-hinge"})
    four, eleven = "notebooks/04_adversarial_learning_and_the_gan", "notebooks/11_infogan_and_aae"
    assert ("Optimal discriminator (lemma)", "lem-optimal-d") in found[four]
    assert found[eleven][-1] == ("AAE (model)", "fig-11-codes")
    assert found[four][-1] == ("hinge GAN (model)", "equation-eq-hinge")
    assert sum(map(len, found.values())) == sum(s.kind != "equation" for s in REGISTRY.statements.values()) + 2


# -- the built site ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site():
    if not (HTML / ".built").is_file():
        pytest.skip("no site to look at: `make book` builds it, and `make test` before this")
    return SimpleNamespace(**{name: (HTML / name.replace("_", "/", 1)).with_suffix(".html").read_text(encoding="utf8")
                              for name in ("genindex", "book_checks")},
                           ids={i for page in PAGES for i in re.findall(r'\bid="([^"]+)"', (HTML / f"{page}.html").read_text(encoding="utf8"))})  # fmt: skip


def test_each_name_has_its_anchor_in_the_site_and_no_link_is_dead(site):
    assert [name for name in FRONT if REFERENCE.of(name.removeprefix("ganvae_course.")) not in site.ids] == []
    assert set(REFERENCE.entries.values()) <= site.ids
    assert linking.dead(HTML) == []


def test_no_markup_of_a_docstring_is_printed(site):
    for page in PAGES:
        text = re.sub(
            r"<(script|style|pre)\b.*?</\1>|<[^>]*>", "", (HTML / f"{page}.html").read_text(encoding="utf8"), flags=re.S
        )
        assert re.findall(r"``|:\w+:`|\{eq\}|\\ ", text) == [], page


def test_the_index_has_every_model_and_every_lemma(site):
    from zoomap import PLACES

    for place in PLACES.values():
        anchor = place.result if place.result.startswith("fig-") else f"equation-{place.result}"
        assert f'.html#{anchor}"' in site.genindex
    for s in REGISTRY.statements.values():
        if s.kind == "lemma":
            assert f'{s.page}.html#{s.label}"' in site.genindex
