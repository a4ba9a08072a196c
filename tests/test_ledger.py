"""The ledger: what it lists, how it is shown, and the command that prints it."""

import json
import re

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from IPython.core.formatters import DisplayFormatter
from nbformat import v4

from chapters import plans
from chapters.__main__ import main
from ledgerbook.claim import ROW, Attack, CheckFailed, Claim, Instance, Tolerance, Wrong, check
from ledgerbook.ledger import Ledger, collect, rows
from ledgerbook.report import anchor
from tidy_nb import tidied

ROUNDING = Tolerance(1e-12, why="a few roundings")


def claim(equation="S9", **changes):
    """2x = x + x, on four instances."""
    fields = {
        "says": "Twice is a sum", "relation": "=", "tolerance": ROUNDING,
        "instances": lambda: [Instance(f"x = {x}", None, x) for x in (1.0, 2.0, 3.0, 5.0)],
        "left": lambda x: 2 * x, "right": {"sum": lambda x: x + x, "division": lambda x: x / 0.5},
        "wrong": (Wrong("once", left=lambda x: x), Wrong("thrice", right=lambda x: 3 * x))}
    return Claim(equation=equation, **fields | changes)


def bound(equation="S9", part="bound"):
    return claim(equation, part=part, relation="<=", left=lambda x: -2 * np.abs(x),
                 right={"one": lambda x: 1.0, "sum": lambda x: np.abs(x) + 1}, says="It is bounded",
                 wrong=(Wrong("sign", left=lambda x: 2 * np.abs(x)), Wrong("low", right=lambda x: -9 * np.abs(x))),
                 attack=Attack(start=lambda x: [x], build=lambda vector, x: vector[0]))


REGISTRY = {"I": [claim("S33"), claim("T1")], "II": [claim("S9"), bound()]}
EXPECTED_ORDER = ["S33", "T1", "S9"]


@pytest.fixture
def registry(monkeypatch):
    """A registry of toy claims in the place of the book's."""
    return lambda chapters: monkeypatch.setattr("chapters.registry.chapters", lambda: chapters)


def test_rows_are_sorted_and_merged():
    found = rows(REGISTRY)
    assert [row["equation"] for row in found] == EXPECTED_ORDER
    assert found[-1] == {
        "equation": "S9", "chapter": "II", "tex": [], "says": "Twice is a sum; It is bounded",
        "relation": "=; <=", "tightness": "loose", "tolerance": "1e-12", "instances": 8,
        "oracles": ["sum", "division", "one"], "rejected": ["once", "thrice", "sign", "low"],
        "nearest": "over 10 %", "common": []}


def test_every_failure_is_reported():
    false = {"left": lambda x: 2 * x + 1}
    with pytest.raises(ExceptionGroup, match="2 of 3 claims fail") as caught:
        rows({"I": [claim("S1", **false), claim("S2"), claim("S3", **false)]})
    assert [str(failure).split()[0] for failure in caught.value.exceptions] == ["(S1)", "(S3)"]
    assert all(isinstance(failure, CheckFailed) for failure in caught.value.exceptions)


@pytest.mark.parametrize(("claims", "words"), [
    ({"II": [claim(), claim()]}, "registered twice"),
    ({"II": [claim()], "IV": [bound()]}, "choose one")])
def test_contradictions_are_refused(claims, words):
    with pytest.raises(ValueError, match=words):
        rows(claims)


def test_progress_wraps_the_claims():
    seen = []

    def progress(claims):
        for one in claims:
            yield one
            seen.append(one.name)

    rows(REGISTRY, progress)
    assert seen == ["(S33)", "(T1)", "(S9)", "(S9, bound)"]


def test_text_is_stable():
    assert repr(Ledger(rows(REGISTRY))).splitlines() == [
        "(S33) | I | sum; division | 4 instances | 1e-12 | rejects once; thrice",
        "(T1) | I | sum; division | 4 instances | 1e-12 | rejects once; thrice",
        "(S9) | II | sum; division; one | 8 instances | loose | rejects once; thrice; sign; low",
        "3 checked"]


def cards(found):
    return BeautifulSoup(Ledger(found)._repr_html_(), "html.parser").select("li.entry")


def test_cards_are_linked_grouped_and_tell_what_they_are_filtered_by():
    found = [row | {"page": "02_lemma1.html#check-s9"} if row["equation"] == "S9" else row for row in rows(REGISTRY)]
    page = BeautifulSoup(Ledger(found)._repr_html_(), "html.parser")
    assert [(a.get_text(), a["href"]) for a in page.select("a")] == [("(S9)", "02_lemma1.html#check-s9")]
    first, second = page.select("section")
    assert [first.h2.get_text(), len(first.select("li.entry")), second.h2.get_text()] == ["Chapter I", 2, "Chapter II"]
    (bounded,) = second.select("li.entry")
    assert bounded["data-chapter"] == "II" and bounded["data-relation"] == "= and ≤"
    assert "Held against: sum; division; one" in bounded.get_text()
    assert re.search(r"Rejected, the nearest off by [^:]+: once; thrice; sign; low", bounded.get_text())


def test_cards_show_the_statement_and_escape():
    (card,) = cards(rows({"I": [claim(says="a < b & c", tex="a < b")]}))
    assert card.select_one(".states .mathjax_process").get_text() == r"\(a < b\)" and "a < b & c." in card.get_text()


# --- what notebooks show ----------------------------------------------------------------------------------------------

def notebook(path, *claims):
    """A notebook that shows these checks, with outputs as a kernel stores them, tidied."""
    data = [DisplayFormatter().format(check(each))[0] for each in claims]
    cells = [v4.new_code_cell("check(claim)", outputs=[v4.new_output("execute_result", each)]) for each in data]
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# A page"), *cells]), path)
    path.write_text(tidied(path.read_text()))


@pytest.fixture
def book(tmp_path):
    """The toy registry on two pages; one claim stands on both."""
    notebook(tmp_path / "01_first.ipynb", REGISTRY["I"][0], REGISTRY["I"][1], REGISTRY["II"][0])
    notebook(tmp_path / "02_second.ipynb", REGISTRY["II"][0], REGISTRY["II"][1])
    return tmp_path


def test_collected_rows_are_those_of_the_registry(book):
    pages = {"S9": "01_first.html#check-s9", "S33": "01_first.html#check-s33", "T1": "01_first.html#check-t1"}
    assert collect(book, REGISTRY) == [row | {"page": pages[row["equation"]]} for row in rows(REGISTRY)]
    assert repr(Ledger(collect(book, REGISTRY))) == repr(Ledger(rows(REGISTRY)))


def test_row_leads_to_the_check_on_its_page():
    record = check(bound())
    assert '<div class="check mathjax_ignore tex2jax_ignore" id="check-s9-bound">' in record._repr_html_()
    assert anchor("S9", "bound") == "check-s9-bound" and anchor("S9") == "check-s9"


def test_claim_that_no_page_shows_is_named(book):
    more = REGISTRY | {"III": [claim("S40"), claim("S41", part="again")]}
    with pytest.raises(ValueError, match=r"shows the check of \(S40\), \(S41, again\)"):
        collect(book, more)


def test_pages_that_contradict_each_other_are_named(book):
    notebook(book / "03_third.ipynb", claim("S33", says="Something else"))
    with pytest.raises(ValueError, match="01_first.html#check-s33 and 03_third.html#check-s33 show different rows"):
        collect(book, REGISTRY)


def test_claim_outside_the_registry_has_the_chapter_that_it_names(book):
    notebook(book / "03_third.ipynb", claim("X1", chapter="appendix"))
    assert [(row["equation"], row["chapter"]) for row in collect(book, REGISTRY)][-1] == ("X1", "appendix")


def test_what_a_reader_changed_is_not_collected(tmp_path):
    formats, _ = DisplayFormatter().format(check(claim(), left=lambda x: 4 * x / 2))
    assert set(formats) == {"text/plain", "text/html"} and " id=" not in formats["text/html"]
    assert set(DisplayFormatter().format(check(claim()))[0]) == {"text/plain", "text/html", ROW}


# --- the command ------------------------------------------------------------------------------------------------------

def test_command_prints_json_and_nothing_else(registry, capfd):
    registry(REGISTRY)
    assert main(["ledger", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found == rows(REGISTRY)
    assert all({"equation", "chapter", "oracles", "instances", "rejected"} <= set(row) for row in found)


def test_command_prints_a_table(registry, capfd):
    registry(REGISTRY)
    assert main(["ledger"]) == 0
    assert capfd.readouterr().out.rstrip("\n") == repr(Ledger(rows(REGISTRY)))


def test_command_fails_with_the_report(registry, capfd):
    registry({"I": [claim("S1", left=lambda x: 2 * x + 1)]})
    assert main(["ledger", "--json"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "(S1) does not hold" in err and "1 of 1 claims fail" in err


@pytest.mark.parametrize("arguments", [[], ["lodger"], ["ledger", "--xml"]])
def test_command_that_makes_no_sense(arguments, capfd):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: python -m chapters" in capfd.readouterr().err


def test_data_is_regenerated_where_asked(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(plans, "regenerate", lambda folder, only: asked.append(folder))
    assert main(["data", str(tmp_path / "new")]) == 0
    assert asked == [tmp_path / "new"] and (tmp_path / "new").is_dir()
