"""The figures of "Probability in ten minutes" in a real browser: moved by keys, wide and narrow."""

import pytest


@pytest.mark.parametrize("width", [1400, 390])
def test_sliders_move_both_figures(page_at, site, width):
    with page_at(f"{site}/book/refresher.html") as page:
        page.set_viewport_size({"width": width, "height": 900})
        for name, slider, said in (
            ("surprise", "wrong", "KL(p‖q) 0.00"),
            ("conditioned", "rho", "now it is −1.35 ± 0.44"),
        ):
            figure = page.locator(f".refresher[data-figure={name}]")
            before = figure.locator("svg").inner_html()
            control = figure.locator(f"input[name={slider}]")
            control.focus()
            page.keyboard.press("Home")  # the least: a right belief, the most negative correlation
            assert said in figure.locator(".told").inner_text() and figure.locator("svg").inner_html() != before
            assert control.evaluate("e => e.labels.length") == 1
            sizes = figure.locator("svg text").evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
            assert min(sizes) >= 9, sizes
