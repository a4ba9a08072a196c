"""The explorer without a browser: what it refuses, what it stores, what it says, and that two builds are equal."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import matplotlib
import pytest
from matplotlib.figure import Figure

from ledgerbook.drawing import figure_bytes
from ledgerbook.explorer import PALETTE, Control, Explorer, Frame, Mark, Panel, draw, small_multiples
from ledgerbook.frames import ROLES, pack

STEPS = Control("step size η", (0.1, 0.2, 0.4), ("0.1", "0.2", "0.4"), start=1)
SCALES = Control("initial scale", (1, 2), ("1", "2"))


def line(**changes: Any) -> Mark:
    return Mark(**{"kind": "line", "x": (0, 1), "y": (0, 1), "label": "f", "role": "model", **changes})


def panel(*marks: Mark, **changes: Any) -> Panel:
    given = {"title": "Fit", "xlabel": "x", "ylabel": "y", "xlim": (0, 1), "ylim": (0, 2), "marks": marks, **changes}
    return Panel(**given)


def stored(step: float, scale: float) -> Frame:
    shared = line(x=(0, 0.5, 1), y=(0, 0.5, 1))
    edge = panel(line(y=(0, step * scale)), title="Edge")
    return Frame([panel(shared), edge], f"2/η is {2 / step:g}, scale {scale:g}.", "stable")


def explorer(**changes: Any) -> Explorer:
    given = {"name": "hero", "caption": "Fits <by step size>.", "controls": [STEPS, SCALES], "stored": stored,
             "print_at": [(0, 0), (2, 1)], **changes}
    return Explorer(**given)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("LEDGERBOOK_MEDIUM", "page")
    return explorer()._repr_mimebundle_()


def nan_frame(step: float, scale: float) -> Frame:
    return Frame([panel(line(y=(0, float("nan"))))], "words")


def fewer_panels_at_the_end(step: float, scale: float) -> Frame:
    return Frame(stored(step, scale).panels[: 1 if step == 0.4 else 2], "words")


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Control(" ", (1, 2), ("1", "2")), "name of a control is empty"),
    (lambda: Control("η", (1,), ("1",)), "control 'η': values must hold at least two"),
    (lambda: Control("η", (1, 2), ("1",)), "control 'η': give one label per value"),
    (lambda: Control("η", (1.01, 1.02), ("1.0", "1.0")), "two labels are equal; write more digits"),
    (lambda: Control("η", (1, 2), ("1", "2"), start=2), r"start is 2; give a position in 0\.\.1"),
    (lambda: line(kind="curve"), "kind of a mark is 'curve': use one of line, points"),
    (lambda: line(role="red"), "role of a mark is 'red': use one of data, model"),
    (lambda: line(y=(1,)), "mark 'f': x and y must have equal length, not 2 and 1"),
    (lambda: line(kind="level"), "mark 'f': a level takes no x and one y"),
    (lambda: panel(xlim=(1, 1)), "panel 'Fit': xlim is .*; give two finite numbers, the smaller first"),
    (lambda: panel(ylim=(0, float("inf"))), "panel 'Fit': ylim"),
    (lambda: panel(xscale="cubic"), "panel 'Fit': xscale is 'cubic': use one of linear, log"),
    (lambda: panel(yscale="log"), "panel 'Fit', the limits: y holds numbers <= 0 on a log axis"),
    (lambda: panel(line(), ylim=(0.1, 1), yscale="log"), "panel 'Fit', mark 'f': y holds numbers <= 0 on a log axis"),
    (lambda: panel(line(x=(0, float("inf")))), "panel 'Fit', mark 'f': x holds NaN or infinity"),
    (lambda: Frame([panel()], ""), "words of a frame are empty"),
    (lambda: Frame([panel()], "words", "calm"), "tone of a frame is 'calm': use one of stable, edge"),
    (lambda: explorer(caption=""), "name or caption is empty"),
    (lambda: explorer(controls=[]), "give at least one, each with a name of its own"),
    (lambda: explorer(controls=[STEPS, STEPS]), "give at least one, each with a name of its own"),
    (lambda: explorer(print_at=[(0, 2)]), r"print_at holds \(0, 2\): give one position per control, below \(3, 2\)"),
    (lambda: explorer(print_at=[(0,)]), r"print_at holds \(0,\)"),
    (lambda: explorer(print_at=[(-1, 0)]), r"print_at holds \(-1, 0\)"),
    (lambda: explorer(stored=nan_frame), "panel 'Fit', mark 'f': y holds NaN"),
    (lambda: explorer(stored=fewer_panels_at_the_end), "initial scale = 2 the frame has 1 panels and at the start 2"),
])
def test_what_cannot_be_shown_is_refused_by_name_and_remedy(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_an_engine_must_return_a_frame() -> None:
    with pytest.raises(TypeError, match="at step size η = 0.2, initial scale = 1 the engine returned str"):
        explorer(stored=lambda step, scale: "nothing")


def test_a_frame_that_only_the_page_needs_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGERBOOK_MEDIUM", "page")
    shown = explorer(stored=fewer_panels_at_the_end, print_at=[(0, 0)])
    with pytest.raises(ValueError, match="the frame has 1 panels and at the start 2"):
        shown._repr_mimebundle_()


@pytest.mark.parametrize("medium", ["page", "lab"])
def test_plain_text_is_one_line_and_the_same_in_both_media(monkeypatch: pytest.MonkeyPatch, medium: str) -> None:
    monkeypatch.setenv("LEDGERBOOK_MEDIUM", medium)
    bundle = explorer()._repr_mimebundle_()
    bundle, _ = bundle if medium == "lab" else (bundle, {})
    assert bundle["text/plain"] == "Explorer 'hero': step size η × initial scale, 3 × 2 results"
    kinds = {"page": {"text/html", "image/png"}, "lab": {"application/vnd.jupyter.widget-view+json", "image/png"}}
    assert bundle.keys() == {"text/plain", *kinds[medium]}


def test_a_notebook_stores_a_small_picture_of_the_start_and_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEDGERBOOK_MEDIUM", raising=False)
    (data, metadata), (again, _) = (explorer()._repr_mimebundle_() for _ in range(2))
    assert again["image/png"] == data["image/png"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG") and len(data["image/png"]) < 60_000
    assert metadata == {"image/png": {
        "alt": "Fits <by step size>. step size η = 0.2, initial scale = 1: 2/η is 10, scale 1."}}


def unpack(data: dict[str, Any]) -> list[Frame]:
    """The inverse of `pack`, written a second time (the page's own is in explorer.js)."""
    parts, arrays = data["parts"], data["arrays"]

    def mark(place: int) -> Mark:
        head, x, y = parts[place]
        kind, label, role = parts[head]
        return Mark(kind, arrays[x], arrays[y], label, role)

    def panel(place: int) -> Panel:
        head, *marks = parts[place]
        return Panel(*parts[head], marks=map(mark, marks))

    return [Frame(map(panel, panels), words, tone) for words, tone, *panels in data["frames"]]


def test_the_page_holds_every_result_in_order(page: dict[str, str]) -> None:
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page["text/html"], re.S).group(1))
    assert unpack(data) == [stored(step, scale) for step in STEPS.values for scale in SCALES.values]
    assert [c["name"] for c in data["face"]["controls"]] == ["step size η", "initial scale"]


def test_equal_arrays_and_panels_are_stored_once_and_numbers_are_short() -> None:
    frames = [stored(step, scale) for step in STEPS.values for scale in SCALES.values]
    packed = pack(frames)
    assert len({frame[2] for frame in packed["frames"]}) == 1
    ends = {step * scale for step in STEPS.values for scale in SCALES.values}
    assert len(packed["arrays"]) == len(set(packed["arrays"])) == 2 + len(ends)
    assert pack([Frame([panel(line(y=(1 / 3, 12345.6)))], "w")])["arrays"][1] == (0.3333, 12350.0)


def test_the_page_asks_for_nothing_and_no_text_can_close_its_script(page: dict[str, str]) -> None:
    html = page["text/html"]
    assert not re.search(r'(?:src|href)="(?!data:)|@import|url\(|\bimport\b|fetch\(', html)
    assert "Fits &lt;by step size&gt;." in html
    assert "<by step size>" not in html


def test_two_builds_are_byte_identical(page: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")  # a build at another time
    assert explorer()._repr_mimebundle_() == page


def test_what_is_printed_is_told_in_words(page: dict[str, str]) -> None:
    alt = explorer().alt()
    assert alt == ("Fits <by step size>. 2 of the settings: step size η = 0.1, initial scale = 1: 2/η is 20, scale 1. "
                   "step size η = 0.4, initial scale = 2: 2/η is 5, scale 2.")
    assert f'alt="{alt.replace("<", "&lt;").replace(">", "&gt;")}"' in page["text/html"]
    assert base64.b64decode(page["image/png"]).startswith(b"\x89PNG")


def test_print_defaults_to_the_start() -> None:
    assert explorer(print_at=()).print_at == ((1, 0),)


def test_every_role_has_its_own_colour_dash_and_marker() -> None:
    assert tuple(PALETTE) == ROLES
    for attribute in ("ink", "ink_dark", "dash", "marker"):
        assert len({getattr(role, attribute) for role in PALETTE.values()}) == len(ROLES)


def test_the_front_end_knows_every_marker() -> None:
    script = explorer()._page("")
    shapes = re.search(r"const SHAPES = \{(.*?)\n\};", script, re.S).group(1)
    names = {quoted or bare for quoted, bare in re.findall(r'(?:"(.)"|\b(\w)): "M', shapes)}
    assert names == {role.marker for role in PALETTE.values()}


def test_draw_puts_the_numbers_of_each_mark_on_its_axes() -> None:
    marks = [line(), Mark("level", (), (1.5,), "2/η", "threshold"), Mark("points", (0.5,), (0.7,), "data", "data"),
             Mark("stems", (0.2, 0.6), (1, 2), "bends", "curvature"),
             Mark("bars", (0.25, 0.75), (1, 0.5), "g", "weight")]
    axes = Figure().subplots(1, 1, squeeze=False)[0]
    draw(Frame([panel(*marks)], "words"), axes)
    drawn = {entry.get_label(): entry for entry in axes[0].lines}
    assert list(drawn["f"].get_ydata()) == [0, 1]
    assert set(drawn["2/η"].get_ydata()) == {1.5}
    assert (list(drawn["data"].get_xdata()), list(drawn["data"].get_ydata())) == ([0.5], [0.7])
    assert [s[1][1] for s in axes[0].collections[0].get_segments()] == [1, 2]
    assert [(bar.get_height(), bar.get_width()) for bar in axes[0].patches] == [(1, 0.4), (0.5, 0.4)]
    assert drawn["f"].get_color() == PALETTE["model"].ink
    assert {text.get_text() for text in axes[0].get_legend().get_texts()} == {"f", "2/η", "data", "bends", "g"}


def test_draw_wants_one_axes_per_panel() -> None:
    with pytest.raises(ValueError, match="axes has 0 entries: give one per panel, 1"):
        draw(Frame([panel()], "words"), [])


def test_small_multiples_do_not_depend_on_the_readers_style() -> None:
    rows = [("η = 0.1", stored(0.1, 1))]
    plain = figure_bytes(small_multiples(rows), "svg")
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "savefig.transparent": True}):
        assert figure_bytes(small_multiples(rows), "svg") == plain
    with pytest.raises(ValueError, match="rows is empty"):
        small_multiples([])
    with pytest.raises(ValueError, match="kind is 'gif': use one of svg, png"):
        figure_bytes(small_multiples(rows), "gif")


def test_the_live_face_recomputes_and_tells_of_failure_in_words() -> None:
    calls: list[tuple[float, float]] = []

    def live(step: float, scale: float) -> Frame:
        calls.append((step, scale))
        if step == 0.4:
            raise ArithmeticError("diverged")
        return Frame(stored(step, scale).panels, "Recomputed.", "edge")

    shown = explorer(live=live)
    widget = shown.widget
    assert calls == [] and widget.shown["words"] == "2/η is 10, scale 1." and widget.shown["index"] == [1, 0]
    widget.index = [0, 1]
    assert calls == [(0.1, 2.0)] and widget.shown["words"] == "Recomputed." and widget.shown["index"] == [0, 1]
    widget.index = [2, 1]
    assert widget.shown["tone"] == "error" and "ArithmeticError: diverged" in widget.shown["words"]
    widget.index = [7, 0]
    assert "IndexError" in widget.shown["words"] and widget.shown["index"] == [7, 0]
    assert shown.widget is widget


def test_a_live_frame_with_other_panels_is_refused_in_words() -> None:
    widget = explorer(live=lambda step, scale: Frame([], "words")).widget
    widget.index = [0, 0]
    assert "has 0 panels and at the start 2: return the same panels everywhere" in widget.shown["words"]
