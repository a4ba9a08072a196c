"""Figures: what a page offers for download, and what is refused."""

import base64
import csv
import io
import re

import pytest
from matplotlib.figure import Figure

from ledgerbook.picture import Picture


def picture(**options):
    return Picture(Figure(), "fig-x", "A caption.", "An alternative text with 1 number.", **options)


def test_a_page_offers_the_numbers_and_the_drawing(monkeypatch):
    monkeypatch.setenv("LEDGERBOOK_MEDIUM", "page")
    made = picture(columns={"eta": [0.1, 1 / 3], "end": ["a", "b"]}, command="make data")
    text = made._repr_mimebundle_()["text/markdown"]
    files = dict(re.findall(r'download="fig-x\.(\w+)" href="data:[^;]+;base64,([^"]+)"', text))
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(files["csv"]).decode())))
    assert [float(row["eta"]) for row in rows] == [0.1, 1 / 3]
    assert base64.b64decode(files["svg"]).lstrip().startswith(b"<?xml")
    assert "make data" in text


def test_a_page_without_numbers_offers_none(monkeypatch):
    monkeypatch.setenv("LEDGERBOOK_MEDIUM", "page")
    assert "download" not in picture()._repr_mimebundle_()["text/markdown"]


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="equal lengths"):
        picture(columns={"a": [1], "b": [1, 2]}, command="make data")
    with pytest.raises(ValueError, match="need a command"):
        picture(columns={"a": [1]})
