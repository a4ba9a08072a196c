"""The explorer's static face and its printed face, from the file system, without a kernel or a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from examples import STEPS
from playwright.sync_api import Browser, Page, expect

Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, page_file: Path) -> Iterator[Open]:
    """Opens the page with the context options given; at the end the page must have kept quiet and to itself."""
    noise: list[str] = []
    contexts = []

    def start(**options: object) -> Page:
        contexts.append(context := browser.new_context(**options))
        page = context.new_page()
        page.on("console", lambda message: noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("request", lambda request: noise.append(f"request: {request.url}"))
        page.goto(page_file.as_uri())
        return page

    yield start
    for context in contexts:
        context.close()
    asked = [line for line in noise if line != f"request: {page_file.as_uri()}" and "request: data:" not in line]
    assert noise and not asked, asked


def status(page: Page, nth: int = 0):
    return page.locator(".sm-words").nth(nth)


def test_keys_move_the_control_and_change_words_and_picture(open_page: Open) -> None:
    page = open_page()
    slider = page.get_by_role("slider", name="step size η").first
    expect(status(page)).to_have_text(
        "● stable The sharpness is 18.4, below 2/η = 20.0. (step size η = 0.1, initial scale = 1)")
    curve = page.locator("svg.role-model path").first
    before = curve.get_attribute("d")
    slider.focus()
    for key, value in {"ArrowRight": "0.2", "End": "0.6", "Home": "0.05", "PageUp": "0.1", "PageDown": "0.05"}.items():
        page.keyboard.press(key)
        expect(slider).to_have_attribute("aria-valuetext", value)
        expect(page.locator("output").first).to_have_text(value)
    page.keyboard.press("End")
    expect(status(page)).to_contain_text("▲ unstable The sharpness is 8.0, above 2/η = 3.3.")
    assert curve.get_attribute("d") not in ("", before)


def test_the_two_controls_address_every_result(open_page: Open) -> None:
    page = open_page()
    for name, key in (("step size η", "Home"), ("initial scale", "End")):
        page.get_by_role("slider", name=name).first.press(key)
    expect(status(page)).to_contain_text("sharpness is 38.2, below 2/η = 40.0. (step size η = 0.05, initial scale = 2)")


def test_drag_moves_the_control(open_page: Open) -> None:
    page = open_page()
    box = page.get_by_role("slider", name="initial scale").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 3, middle, steps=5)
    page.mouse.up()
    expect(status(page)).to_contain_text("initial scale = 2")


def test_reset_returns_to_the_start_and_two_on_a_page_are_independent(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("slider", name="step size η").first.press("End")
    expect(status(page)).to_contain_text("step size η = 0.6")
    expect(status(page, 1)).to_contain_text("step size η = 0.1")
    page.get_by_role("slider", name="step size η").nth(1).press("Home")
    page.get_by_role("button", name="Reset Step size and scale").click()
    expect(status(page)).to_contain_text("(step size η = 0.1, initial scale = 1)")
    expect(status(page, 1)).to_contain_text("(step size η = 0.05)")


def test_names_for_screen_readers(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_role("figure", name="Step size and scale")).to_have_attribute("aria-busy", "false")
    pictures = page.locator("svg[role=img]")
    expect(pictures).to_have_count(6)
    expect(pictures.nth(2)).to_have_attribute(
        "aria-label", "Sharpness: largest eigenvalue against η")
    names = page.locator(".sm-legend").nth(1).get_by_role("listitem")
    expect(names).to_have_text(["g at the samples", "bends of f", "g"])
    expect(page.locator("figcaption:visible").first).to_contain_text("initial scale <of the weights>.")


def test_a_screen_reader_hears_one_sentence_where_the_slider_came_to_rest(open_page: Open) -> None:
    page = open_page()
    heard = page.locator("p[role=status]").first
    expect(heard).to_have_text("stable: The sharpness is 18.4, below 2/η = 20.0.")
    page.evaluate("""() => {
        window.heard = [];
        const log = () => window.heard.push(document.querySelector("p[role=status]").textContent);
        new MutationObserver(log).observe(document.querySelector("p[role=status]"), { childList: true });
    }""")
    for _ in range(3):
        page.get_by_role("slider").first.press("ArrowRight")
    expect(heard).to_have_text("unstable: The sharpness is 8.0, above 2/η = 3.3.")
    assert page.evaluate("window.heard.length") == 1


def test_the_address_keeps_the_setting(open_page: Open, page_file: Path) -> None:
    page = open_page()
    page.get_by_role("slider", name="step size η").first.press("End")
    page.get_by_role("slider", name="initial scale").press("Home")
    page.wait_for_url("**/page.html#step-size-and-scale=*")
    page.reload()
    expect(status(page)).to_contain_text("(step size η = 0.6, initial scale = ½)")
    expect(status(page, 1)).to_contain_text("(step size η = 0.1)")


def test_a_link_moves_the_picture_and_a_wrong_one_does_not(open_page: Open) -> None:
    page = open_page()
    name = "step-size-and-scale"
    for address in (f"{name}=0.4~2", f"{name}=0.4", f"{name}=0.4~3", "elsewhere", "%"):
        page.evaluate("address => { location.hash = address; }", address)
        expect(status(page)).to_contain_text("(step size η = 0.4, initial scale = 2)")


def test_pictures_stay_where_they_are_when_the_words_change(open_page: Open) -> None:
    page = open_page(viewport={"width": 320, "height": 800})
    slider, panels = page.get_by_role("slider").first, page.locator(".sm-panels").first
    tops = set()
    for _ in STEPS.values:
        tops.add(panels.evaluate("e => e.getBoundingClientRect().top + scrollY"))
        slider.press("ArrowRight")
    assert len(tops) == 1


def test_every_kind_of_mark_is_drawn_inside_its_panel(open_page: Open) -> None:
    page = open_page()
    bends = page.get_by_role("img", name=re.compile("^Curvature against weight:")).first
    expect(bends.locator("svg.role-other rect")).to_have_count(4)
    expect(bends.locator("svg.role-curvature path")).to_have_count(8)
    assert bends.locator("svg.role-weight").evaluate("e => getComputedStyle(e).overflow") == "hidden"
    edge = page.get_by_role("img", name=re.compile("^Sharpness:")).first
    expect(edge.locator("text")).to_have_text(["10⁰", "10¹", "10²", "10⁻²", "10⁻¹", "10⁰", "largest eigenvalue", "η"])
    # 2/η = 20 at η = 0.1, on logarithmic axes: on the line, at its share of the width and the height
    area = edge.locator("svg.role-threshold")
    width, height = (float(area.get_attribute(side)) for side in ("width", "height"))
    second = area.locator("path").get_attribute("d")[1:].split("L")[1].split(",")
    assert abs(float(second[0]) - width / 2) < 0.1
    assert abs(float(second[1]) - height * (1 - 1.30103 / 2)) < 0.1


def test_roles_differ_in_dash_or_marker_and_not_by_colour_alone(open_page: Open) -> None:
    page = open_page()
    keys = page.locator(".sm-panel").nth(2).locator(".sm-legend svg > path")
    looks = keys.evaluate_all("es => es.map(e => e.getAttribute('stroke-dasharray') + e.getAttribute('d'))")
    assert len(looks) == len(set(looks)) == 3


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_fits_every_width(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    page.wait_for_selector(".sm-panel svg")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    panels = page.locator(".sm").first.locator(".sm-panel")
    tops = panels.evaluate_all("es => es.map(e => e.getBoundingClientRect().top)")
    assert len(set(tops)) == (1 if width > 700 else 3)
    for target in page.locator("input, button").all():
        assert min(target.bounding_box()["width"], target.bounding_box()["height"]) >= 44


def test_plots_follow_the_width(open_page: Open) -> None:
    page = open_page(viewport={"width": 1280, "height": 800})
    first = page.locator(".sm-panel [role=img]").first
    before = first.get_attribute("width")
    page.set_viewport_size({"width": 320, "height": 800})
    expect(first).not_to_have_attribute("width", before)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_no_accessibility_finding(open_page: Open, root: Path, scheme: str, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.get_by_role("slider").first.press("End")
    page.evaluate((root / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    result = page.evaluate("axe.run({preload: false})")
    findings = [(violation["id"], [n["html"] for n in violation["nodes"]]) for violation in result["violations"]]
    assert findings == [] and result["passes"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_stand_out_from_the_paper(open_page: Open, scheme: str) -> None:
    """WCAG 1.4.11 for what axe does not measure: every role at 3:1 or more."""
    page = open_page(color_scheme=scheme)
    paper, inks = page.locator(".sm").first.evaluate("""el => {
      const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const roles = [...el.querySelectorAll('.sm-panel [class^=role-]')];
      return [rgb(getComputedStyle(el).backgroundColor), roles.map((e) => rgb(getComputedStyle(e).color))];
    }""")

    def luminance(rgb: list[float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ratios = [max(a, b) / min(a, b) for a, b in ((luminance(ink) + 0.05, luminance(paper) + 0.05) for ink in inks)]
    assert len(ratios) >= 7 and min(ratios) >= 3, ratios


def test_paper_shows_small_multiples_and_nothing_to_move(open_page: Open) -> None:
    page = open_page()
    printed = page.locator(".sm-print img").first
    expect(page.locator(".sm-face").first).to_be_visible()
    expect(printed).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.locator(".sm-face:visible")).to_have_count(0)
    expect(printed).to_be_visible()
    words = "step size η = 0.4, initial scale = 1: The sharpness is 11.0, above 2/η = 5.0."
    assert words in printed.get_attribute("alt")
    assert printed.evaluate("e => e.naturalWidth") > 300


def test_without_scripts_the_small_multiples_stand_in(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    expect(page.locator(".sm-print img").first).to_be_visible()
    expect(page.locator("input, button")).to_have_count(0)
