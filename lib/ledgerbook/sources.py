"""The code behind a function: its own text, and the text of what it calls in the same package.

The text is the same under every version of Python, so that it may stand on a page.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterator
from functools import cached_property, lru_cache, partial
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

READER = "__main__"  # the module of what is written in a notebook's cell


def package(function: Callable) -> str:
    """The top-level package in which a function was written.

    >>> package(inspect.getsource), package(partial(ast.walk, None))
    ('inspect', 'ast')
    """
    return getattr(_unwrapped(function), "__module__", "").partition(".")[0]


def with_helpers(function: Callable, home: Collection[str]) -> list[str]:
    """The definition of a function, then of all that it calls, directly or not, in the packages ``home``.

    >>> with_helpers(package, {"ledgerbook"})[1].splitlines()[0]
    'def _unwrapped(function: Any) -> Any:'
    """
    found = [_unwrapped(function)]
    for each in found:  # grows while it is read
        found += [helper for helper in _called(each, home) if helper not in found]
    return list(dict.fromkeys(map(definition, found)))


def definition(function: Callable) -> str:
    """The text that defines a function; for a lambda no more than itself and what its free names stand for."""
    function = _unwrapped(function)
    if getattr(function, "__name__", "") != "<lambda>":
        return statement(function)
    lines, nodes = _parsed(function)
    node = _lambda(function.__code__, nodes)
    if node is None:
        return statement(function)
    text = textwrap.dedent(ast.get_source_segment("".join(lines), node, padded=True))
    return "\n".join([text, *_free(function)])


def statement(function: Callable) -> str:
    """The smallest statement, or claim, in which a function is defined."""
    function = _unwrapped(function)
    lines, nodes = _parsed(function)
    if not nodes:
        return f"# {getattr(function, '__qualname__', type(function).__qualname__)}: no Python source"
    first = function.__code__.co_firstlineno
    spans = [_span(node) for node in nodes if _is_whole(node)]
    begin, end = min((span for span in spans if span[0] <= first <= span[1]), key=lambda span: span[1] - span[0])
    text = textwrap.dedent("".join(lines[begin - 1:end])).rstrip()
    is_method = "." in function.__qualname__.rpartition("<locals>.")[2] and function.__name__ != "<lambda>"
    return f"# {function.__qualname__}\n{text}" if is_method else text


def _unwrapped(function: Any) -> Any:
    while True:
        if isinstance(function, (partial, cached_property)):
            function = function.func
        elif isinstance(function, property):
            function = function.fget
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return getattr(function, "__func__", function)


def _called(function: Any, home: Collection[str]) -> Iterator[FunctionType]:
    """The functions of these packages whose names stand in the code: plain, of a module, or methods of a class."""
    if not isinstance(function, FunctionType):
        return
    names = list(dict.fromkeys(_names(function.__code__)))
    known = function.__globals__ | _cells(function)
    used = [known[name] for name in names if name in known]
    owners = [each for each in used if isinstance(each, ModuleType) and each.__name__.partition(".")[0] in home]
    owners += [each for each in known.values() if isinstance(each, type) and package(each) in home]
    used += [vars(owner)[name] for name in names for owner in owners if name in vars(owner)]
    used += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    yield from (each for each in map(_unwrapped, used) if isinstance(each, FunctionType) and package(each) in home)


def _names(code: CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_freevars)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _cells(function: FunctionType) -> dict[str, Any]:
    pairs = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in pairs if cell != CellType()}


def _free(function: FunctionType) -> list[str]:
    """A comment for each free name of a lambda: the number, the word or the function that it stands for."""
    values = {name: value.__qualname__ if callable(value) and hasattr(value, "__qualname__") else repr(value)
              for name, value in _cells(function).items() if callable(value) or isinstance(value, (str, int, float))}
    return [f"# {name} = {value}" for name, value in values.items() if " at 0x" not in value]


@lru_cache(maxsize=32)
def _nodes(text: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(text)))


def _parsed(function: Any) -> tuple[list[str], tuple[ast.AST, ...]]:
    """The lines of the file and its nodes; none where there is no Python source."""
    try:
        lines, _ = inspect.findsource(function)
        function.__code__  # noqa: B018 - a class has source, but no code
        return lines, _nodes("".join(lines))
    except (OSError, TypeError, AttributeError, SyntaxError):
        return [], ()


def _lambda(code: CodeType, nodes: Collection[ast.AST]) -> ast.Lambda | None:
    """The lambda of this code: the smallest on its line whose body holds every instruction."""
    places = [(line, column, end, end_column) for line, end, column, end_column in code.co_positions()
              if None not in (line, end, column, end_column) and end_column > 0]
    lambdas = [node for node in nodes if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno]
    around = [node for node in lambdas if all(_begin(node.body) <= place[:2] and place[2:] <= _end(node.body)
                                              for place in places)]
    return min(around, key=lambda node: (node.end_lineno - node.lineno, node.end_col_offset - node.col_offset),
               default=None)


def _begin(node: ast.AST) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.AST) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset


def _is_whole(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt) or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Claim")


def _span(node: ast.AST) -> tuple[int, int]:
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]), node.end_lineno
