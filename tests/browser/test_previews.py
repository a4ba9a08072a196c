"""A link of the built book shows what it leads to: by mouse, by keyboard, and by a first tap."""

from __future__ import annotations

from built import SITE, findings
from playwright.sync_api import Browser, Page, expect


def opened(browser: Browser, **options: object) -> Page:
    page = browser.new_context(reduced_motion="reduce", **options).new_page()
    page.goto((SITE / "book" / "03_switching.html").as_uri())
    return page


def test_by_mouse_and_keyboard(browser: Browser) -> None:
    page = opened(browser)
    link, shown = page.locator("article a.reference[href='#equation-s15']").first, page.locator("#preview")
    link.hover()
    expect(shown.locator("mjx-container")).to_be_visible(timeout=30_000)
    expect(shown).to_contain_text("(S15)")
    expect(shown.locator(".verdict").first).to_have_text("✓ (S15)")
    page.keyboard.press("Escape")
    expect(shown).to_be_hidden()
    link.focus()
    expect(shown).to_be_visible()
    expect(link).to_have_attribute("aria-describedby", "preview")
    assert findings(page) == []
    page.keyboard.press("Tab")
    expect(link).not_to_have_attribute("aria-describedby", "preview")


def test_a_lemma_on_another_page(browser: Browser) -> None:
    page = opened(browser)
    page.locator("article a.reference[href$='02_linear_stability.html#lem-1']").first.hover()
    expect(page.locator("#preview")).to_contain_text("Lemma 1", timeout=30_000)  # a busy machine reads slowly


def test_by_tap(browser: Browser) -> None:
    page = opened(browser, has_touch=True, viewport={"width": 390, "height": 800})
    link = page.locator("article a.reference[href='#equation-s15']").first
    link.tap()
    expect(page.locator("#preview")).to_be_visible(timeout=30_000)
    assert page.url.endswith("03_switching.html")
    link.tap()
    page.wait_for_url("**/03_switching.html#equation-s15")


def test_a_link_to_a_page_shows_nothing_and_is_followed(browser: Browser) -> None:
    page = opened(browser, has_touch=True, viewport={"width": 390, "height": 800})
    page.locator("article a.reference[href='02_linear_stability.html']").first.tap()
    page.wait_for_url("**/02_linear_stability.html")
