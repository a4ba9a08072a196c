"""Imports go one way: between the three packages, and inside the library."""

import ast
from pathlib import Path

import pytest

LIB = Path(__file__).parents[1] / "lib"
# what a package may import of the other two
ALLOWED = {"stableminima": set(), "ledgerbook": set(), "chapters": {"stableminima", "ledgerbook"}}
# a module of the library may import those of its own layer and of layers above in this list
LAYERS = (
    {"arguments", "threads"},
    {"network"},
    {"autodiff", "flattest", "matrix_free", "tangent", "smoothness", "symbolic"},
    {"interpolants", "modes", "oscillation", "perturbation", "polytopes", "quotients", "rescaling", "stability",
     "strong", "switching"},
    {"implementations", "kinks", "runs"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
KERNELS = ("runs", "kernels")  # compiled code that knows nothing, so that all may use it


def imported(path: Path, source: str) -> list[tuple[str, ...]]:
    """What a module of these packages imports of them, as absolute paths, at the top or inside a function."""
    package = path.parent.parts
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            found += [base + (alias.name,) for alias in node.names]
    return [name for name in found if name[0] in ALLOWED]


def faults(path: Path, source: str) -> list[str]:
    """Imports of a module, at ``path`` below ``lib``, that no module there may have."""
    home = path.parts[0]
    bad = []
    for name in imported(path, source):
        if name[0] != home and name[0] not in ALLOWED[home]:
            bad.append(".".join(name))
        elif home == name[0] == "stableminima" and name[1] in LEVEL and name[1:3] != KERNELS:
            if LEVEL[name[1]] > LEVEL[path.with_suffix("").parts[1]]:
                bad.append(".".join(name))
        elif home == name[0] == "chapters" and len(path.parts) == 3 and name[1] in ROOMS - {path.parts[1]}:
            bad.append(".".join(name))
    return bad


ROOMS = {folder.name for folder in (LIB / "chapters").iterdir() if folder.is_dir()}
MODULES = sorted(path.relative_to(LIB) for home in ALLOWED for path in (LIB / home).rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_imports_nothing_it_may_not(path):
    assert path.parts[0] != "stableminima" or path.with_suffix("").parts[1] in {*LEVEL, "__init__"}
    assert faults(path, (LIB / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(("path", "line"), [
    ("ledgerbook/explorer.py", "from stableminima.network import Network"),
    ("ledgerbook/claim.py", "import stableminima"),
    ("ledgerbook/report.py", "def f():\n    from chapters.registry import rooms"),
    ("stableminima/tangent.py", "from ledgerbook.claim import check"),
    ("stableminima/runs/results.py", "from chapters import plans"),
    ("stableminima/network.py", "from . import tangent"),
    ("stableminima/tangent.py", "from .runs.descent import descend"),
    ("stableminima/tangent.py", "from .switching import Switching"),
    ("chapters/switching/claims.py", "from ..smoothness import claims"),
    ("chapters/switching/figures.py", "from ..smoothness.claims import S33"),
])
def test_planted_import_is_found(path, line):
    assert faults(Path(path), (LIB / path).read_text(encoding="utf-8") + "\n" + line + "\n") != []


def test_nothing_but_chapters_draws_the_library():
    sources = [(LIB / path).read_text(encoding="utf-8") for path in MODULES if path.parts[0] == "stableminima"]
    assert not any("matplotlib" in source for source in sources)


def test_nothing_imports_chapters_from_below():
    assert [str(path) for path in MODULES if path.parts[0] != "chapters"
            and any(name[0] == "chapters" for name in imported(path, (LIB / path).read_text(encoding="utf-8")))] == []
