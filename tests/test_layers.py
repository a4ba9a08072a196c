"""Dependencies point one way: no module imports one of a higher layer."""

import ast
from pathlib import Path

import pytest

import stableminima

LAYERS = (
    {"network", "_report", "_trial", "verify", "tables", "frames", "drawing", "explorer"},
    {"autodiff", "tangent", "smoothness", "notation"},
    {"descent"},
    {"experiments"},
    {"results"},
    {"instances"},
    {"claims", "ledger", "figures", "explorers"},
    {"__main__"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(Path(stableminima.__file__).parent.glob("*.py"))


def imported(path):
    """The modules of the package that a module imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from [node.module] if node.module else [alias.name for alias in node.names]


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem != "__init__"], ids=lambda path: path.stem)
def test_module_imports_nothing_above_it(path):
    assert [name for name in imported(path) if LEVEL[name] > LEVEL[path.stem]] == []


def test_mathematics_draws_nothing():
    maths = LAYERS[1] | LAYERS[2] | LAYERS[3] | {"network"}
    sources = [path.read_text(encoding="utf-8") for path in MODULES if path.stem in maths]
    assert not any("matplotlib" in source for source in sources)
