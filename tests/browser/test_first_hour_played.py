"""The page "First hour" in a real browser: played by mouse, keys and finger, wide and narrow, light and dark."""

import re

import pytest


@pytest.fixture
def hour_at(page_at, site):
    return lambda **options: page_at(f"{site}/book/first_hour.html", **options)


def steps(page):
    """Of the discriminator, the generator and the VAE."""
    return [int(n) for n in page.get_attribute(".first-hour", "data-steps").split(",")]


def numbers(page):
    return page.inner_text(".first-hour .numbers")


def press(page, name):
    page.click(f".first-hour button[name={name}]")


def test_single_steps_move_who_they_say(hour_at):
    with hour_at() as page:
        assert steps(page) == [0, 0, 0]
        for name, wanted in (("phi", [1, 0, 0]), ("theta", [1, 1, 0]), ("both", [2, 2, 0]), ("vae", [2, 2, 1])):
            press(page, name)
            assert steps(page) == wanted
        press(page, "hundred")
        assert steps(page) == [102, 102, 101]
        press(page, "reset")
        assert steps(page) == [0, 0, 0]


def test_it_plays_and_pauses_and_stands_still_out_of_sight(hour_at):
    with hour_at() as page:
        press(page, "play")
        assert page.get_attribute(".first-hour .play", "aria-pressed") == "true"
        page.wait_for_function("() => +document.querySelector('.first-hour').dataset.steps.split(',')[2] > 20")
        page.evaluate("() => document.querySelector('footer, .prev-next-area').scrollIntoView()")
        page.wait_for_function("() => document.querySelector('.first-hour').getBoundingClientRect().bottom < 0")
        page.wait_for_timeout(500)
        still = steps(page)
        page.wait_for_timeout(700)
        assert steps(page) == still
        page.evaluate("() => document.querySelector('.first-hour').scrollIntoView()")
        page.wait_for_function(
            f"() => +document.querySelector('.first-hour').dataset.steps.split(',')[2] > {still[2] + 5}"
        )
        press(page, "play")
        paused = steps(page)
        page.wait_for_timeout(300)
        assert steps(page) == paused


def test_it_stands_still_where_the_text_speaks_of_it_and_goes_on(hour_at):
    reached = "() => document.querySelector('.first-hour .play').getAttribute('aria-pressed') === 'false'"
    beyond = "() => +document.querySelector('.first-hour').dataset.steps.split(',')[2] > 2001"
    with hour_at() as page:
        for _ in range(19):
            press(page, "hundred")
        for _ in range(95):
            page.evaluate(
                "() => ['both', 'vae'].forEach(k => document.querySelector(`.first-hour [name=${k}]`).click())"
            )
        press(page, "play")
        page.wait_for_function(reached)
        assert steps(page) == [2000, 2000, 2000] and "2,000 steps" in page.inner_text(".first-hour .status")
        assert "VAE after 2000 steps" in page.text_content(".first-hour .summary"), "a screen reader says the numbers"
        press(page, "play")
        page.wait_for_function(beyond)
        press(page, "reset")
        for _ in range(20):
            press(page, "hundred")
        press(page, "play")  # led past that place: no need to stop there
        page.wait_for_function(beyond)


def test_a_seed_gives_the_same_numbers_and_another_seed_others(hour_at):
    with hour_at() as page:
        found = []
        for seed in ("5", "6", "5"):
            page.fill(".first-hour input[name=seed]", seed)
            page.keyboard.press("Tab")  # leaves the field, which starts the run again
            assert steps(page) == [0, 0, 0]
            press(page, "hundred")
            found.append(numbers(page))
        assert found[0] == found[2] != found[1]


def test_controls_change_what_is_trained_by_mouse_and_by_keys(hour_at):
    with hour_at() as page:
        codes = lambda: page.locator(".first-hour h2 code").all_inner_texts()
        assert codes() == ['Match("x", Adversary("non-saturating"))', 'Reconstruct("x") + Match("z", KL())']
        page.select_option(".first-hour [name=link]", "reverse KL")
        page.focus(".first-hour [name=weight]")
        page.keyboard.press("ArrowDown")
        assert codes() == ['Match("x", Adversary("reverse KL"))', 'Reconstruct("x") + 2 * Match("z", KL())']
        press(page, "hundred")
        other = numbers(page)
        press(page, "reset")
        page.select_option(".first-hour [name=link]", "non-saturating")
        press(page, "hundred")
        assert numbers(page) != other
        page.focus(".first-hour [name=play]")
        page.keyboard.press("Space")
        assert page.get_attribute(".first-hour .play", "aria-pressed") == "true"
        page.keyboard.press("Space")
        assert page.get_attribute(".first-hour .play", "aria-pressed") == "false"


def test_every_link_and_every_world_trains(hour_at):
    with hour_at() as page:
        for name in ("link", "world"):
            for value in page.locator(f".first-hour [name={name}] option").all_inner_texts():
                if value == "draw your own":
                    continue
                page.select_option(f".first-hour [name={name}]", value)
                before = steps(page)[1]
                press(page, "both")
                assert steps(page)[1] == (before if name == "link" else 0) + 1
                assert page.inner_text(".first-hour .status") == ""


def drawn(page):
    found = re.search(r"of (\d+)", page.inner_text('.first-hour [data-value="covered GAN"]'))
    return int(found[1]) if found else 0


def test_one_draws_a_world_by_mouse_and_by_keys(hour_at):
    with hour_at() as page:
        page.select_option(".first-hour [name=world]", "draw your own")
        press(page, "play")
        assert "draw some first" in page.inner_text(".first-hour .status")
        picture = page.locator(".first-hour .picture").first
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        page.mouse.move(box["x"] + 60, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 120, steps=12)
        page.mouse.up()
        by_mouse = drawn(page)
        assert by_mouse > 5
        picture.focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Space", "ArrowUp", "ArrowUp", "Enter"):
            page.keyboard.press(key)
        assert drawn(page) == by_mouse + 2 and f"{by_mouse + 2} places" in page.inner_text(".first-hour .status")
        page.keyboard.press("Backspace")
        assert drawn(page) == by_mouse + 1
        press(page, "hundred")
        assert steps(page) == [100, 100, 100]
        press(page, "reset")
        assert drawn(page) == by_mouse + 1, "a new start keeps what was drawn"
        press(page, "clear")
        assert drawn(page) == 0


def test_one_draws_a_world_with_a_finger(hour_at):
    with hour_at(width=390, height=800, touch=True) as page:
        page.select_option(".first-hour [name=world]", "draw your own")
        picture = page.locator(".first-hour .picture").nth(1)
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        for part in (0.3, 0.5, 0.7):
            page.touchscreen.tap(box["x"] + part * box["width"], box["y"] + 0.4 * box["height"])
        assert drawn(page) == 3
        press(page, "vae")
        assert steps(page) == [0, 0, 1]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1400])
def test_it_fits_and_both_pictures_stand_side_by_side_in_the_themes_colours(hour_at, width, dark):
    with hour_at(width=width, dark=dark) as page:
        assert page.get_attribute("html", "data-theme") == ("dark" if dark else "light")
        press(page, "hundred")
        gan, vae = (picture.bounding_box() for picture in page.locator(".first-hour .picture").all())
        assert gan["y"] == vae["y"] and gan["x"] + gan["width"] < vae["x"] and vae["x"] + vae["width"] <= width
        assert gan["width"] == pytest.approx(gan["height"], abs=1) and gan["width"] > 0.38 * min(width, 704)
        for control in page.locator(".first-hour :is(button, select, input):visible").all():
            box = control.bounding_box()
            assert box["height"] >= 24 and box["x"] + box["width"] <= width
        sizes = page.evaluate(
            "() => [...document.querySelectorAll('.first-hour *')].filter(e => e.innerText).map(e => parseFloat(getComputedStyle(e).fontSize))"
        )
        assert min(sizes) >= 9
        paper, data = page.evaluate(
            """() => { const root = document.querySelector(".first-hour"), style = getComputedStyle(root);
            return [style.backgroundColor, style.getPropertyValue("--obj-data").trim()] }"""
        )
        level = sum(map(int, re.findall(r"\d+", paper)[:3])) / 3
        assert (level < 60) if dark else (level > 240)
        assert data.upper() == ("#6CB4EE" if dark else "#1B79C4")


def test_it_has_words_for_a_screen_reader(hour_at):
    with hour_at() as page:
        press(page, "hundred")
        names = page.evaluate(
            "() => [...document.querySelectorAll('.first-hour :is(select, input)')].map(e => e.labels.length)"
        )
        assert names and set(names) == {1}
        for canvas in page.locator(".first-hour canvas").all():
            assert re.search(r"after 100 steps: \d of 8 clusters", canvas.get_attribute("aria-label"))
        assert "VAE after 100 steps" in page.text_content(".first-hour .summary")
