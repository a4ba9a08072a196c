"""What mutation testing found, as a table for the page: ``tools/mutants.py`` writes it, :func:`table` shows it.

A mutant is the code with one small change. Tests that notice it kill it; a mutant that survives must be another way to
write the same program, and the results say why it is.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .tables import Table

HEAD = ("Module", "Mutants", "Tried", "Killed by a test", "Equivalent", "Code since")


def fingerprint(code: str) -> str:
    """Of what a program does: comments, docstrings and layout leave it as it is.

    >>> fingerprint("x = 1  # one") == fingerprint("x = (1)") != fingerprint("x = 2")
    True
    """
    words = " ".join(_words(ast.parse(code)))
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _words(node: ast.AST) -> Iterator[str]:
    yield type(node).__name__
    for _, value in ast.iter_fields(node):
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from () if _is_text_alone(each) else _words(each)
            elif each is not None:
                yield repr(each)
    yield "."


def _is_text_alone(node: ast.AST) -> bool:
    """A statement that is nothing but a text, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def table(results: Path, library: Path) -> Table:
    """One row for each module of ``results``, and whether its code in the folder ``library`` is still what was tested.

    Raises
    ------
    ValueError
        The file is missing or not what mutation testing writes; a survivor has no reason.
    """
    try:
        found = json.loads(results.read_text(encoding="utf-8"))
        rows = [_row(name, each, library) for name, each in found["modules"].items()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{results.name} is missing or incomplete ({error!r}); run `make mutants`") from error
    return Table(f"Small changes of the code that a test must notice, made by {found['tool']}", HEAD, rows)


def _row(name: str, found: dict[str, Any], library: Path) -> tuple[object, ...]:
    module, survivors = library / f"{name}.py", found["survivors"]
    if unexplained := [each["function"] for each in survivors if not each["why"].strip()]:
        raise ValueError(f"{name}: a mutant of {unexplained[0]} survives without a reason")
    same = module.exists() and fingerprint(module.read_text(encoding="utf-8")) == found["code"]
    counts = found["mutants"], found["tried"], found["killed"], len(survivors)
    return name.replace("/", "."), *counts, "the same" if same else "changed"
