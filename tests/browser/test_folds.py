"""The line of a check: its code unfolds by a key, by a link to it and on paper, and stands beside it where there is room."""

import pytest

CHAPTER = "notebooks/07_generation_as_posterior_inference.html"
OPEN = "() => [document.querySelectorAll('details.code-fold[open]').length, document.querySelectorAll('details.code-fold').length]"

# Where the words of a fold begin: its box goes on behind the line, which floats.
WORDS = """e => { const words = document.createRange(); words.selectNodeContents(e); return words.getBoundingClientRect().top }"""


@pytest.mark.parametrize("dark", [False, True])
def test_a_check_unfolds_by_a_key_and_on_paper(page_at, site, dark):
    with page_at(f"{site}/{CHAPTER}", dark=dark) as page:
        shut, every = page.evaluate(OPEN)
        assert shut == 0 and every >= 10
        summary, code = page.locator(".check summary").first, page.locator(".check .cell_input").first
        assert not code.is_visible()
        summary.focus()
        page.keyboard.press("Enter")
        assert code.is_visible() and page.evaluate(OPEN)[0] == 1
        page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate(OPEN) == [every, every]
        page.evaluate("() => dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(OPEN)[0] == 1, "what the reader had opened stays open, and nothing else"


@pytest.mark.parametrize(("width", "beside"), [(1400, True), (390, False)])
def test_the_fold_stands_beside_its_line_where_there_is_room(page_at, site, width, beside):
    with page_at(f"{site}/{CHAPTER}#check-eq-evidence", width=width) as page:
        check = page.locator("[id='check-eq-evidence']")
        line, words = check.locator(".check-line").bounding_box(), check.locator("summary").evaluate(WORDS)
        assert (words < line["y"] + line["height"]) == beside
        assert check.locator("summary").inner_text() == "show code"


def test_a_name_in_code_leads_to_its_entry(page_at, site):
    with page_at(f"{site}/{CHAPTER}") as page:
        page.locator("a.api:visible", has_text="interval").first.click()
        page.wait_for_url("**/book/api_measure.html#ganvae_lib.interval")
        assert page.locator("[id='ganvae_lib.interval']").is_visible()
