"""The ledger's filter on the built page."""

from __future__ import annotations

from built import SITE
from playwright.sync_api import Browser, expect


def test_the_filter_shows_what_is_asked_for(browser: Browser) -> None:
    page = browser.new_page()
    page.goto((SITE / "book" / "ledger.html").as_uri())
    entries, shown = page.locator(".ledger .entry"), page.locator(".ledger .entry:visible")
    every = entries.count()
    page.get_by_label("words").fill("autograd s32")
    expect(entries.filter(has_text="(S1)").first).to_be_hidden()
    texts = [text.lower() for text in shown.all_inner_texts()]
    assert 0 < len(texts) < every and all("autograd" in text and "s32" in text for text in texts)
    expect(page.locator(".ledger [role=status]")).to_have_text(f"{len(texts)} of {every} shown")
    page.get_by_label("words").fill("")
    page.get_by_label("relation").select_option("≥")
    assert 0 < shown.count() < every and set(shown.evaluate_all("all => all.map(e => e.dataset.relation)")) == {"≥"}
    page.get_by_label("relation").select_option("")
    page.get_by_label("chapter").select_option("II")
    assert set(shown.evaluate_all("all => all.map(e => e.dataset.chapter)")) == {"II"}
    page.get_by_label("words").fill("nothing of the kind")
    expect(shown).to_have_count(0)
    page.context.close()
