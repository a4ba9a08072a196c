"""Dependencies point one way: no module imports one of a higher layer. A folder of the package is one module here."""

import ast
from pathlib import Path

import pytest

import stableminima

LAYERS = (
    {"network", "kernels", "_report", "_trial", "verify", "tables", "frames", "drawing", "picture", "explorer"},
    {"autodiff", "tangent", "smoothness", "curvature", "interpolants", "matrix_free", "rescaling", "symbolic",
     "quotients", "stability", "switching", "notation"},
    {"descent"},
    {"experiments"},
    {"sweeps"},
    {"results"},
    {"instances"},
    {"claims", "ledger", "figures", "explorers"},
    {"__main__"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
HOME = Path(stableminima.__file__).parent
MODULES = {path: path.relative_to(HOME).with_suffix("").parts[0] for path in sorted(HOME.rglob("*.py"))}


def imported(path):
    """The modules and folders of the package that a module imports, at the top or inside a function."""
    depth = len(path.relative_to(HOME).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            yield from [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]


@pytest.mark.parametrize("path", [path for path in MODULES if path != HOME / "__init__.py"],
                         ids=lambda path: str(path.relative_to(HOME)))
def test_module_imports_nothing_above_it(path):
    assert [name for name in imported(path) if LEVEL[name] > LEVEL[MODULES[path]]] == []


def test_mathematics_draws_nothing():
    maths = LAYERS[1] | LAYERS[2] | LAYERS[3] | LAYERS[4] | {"network", "kernels"}
    sources = [path.read_text(encoding="utf-8") for path, name in MODULES.items() if name in maths]
    assert not any("matplotlib" in source for source in sources)
