"""Changes the code in small ways, one at a time, and looks whether a test notices: `make mutants ARGS="trial modes"`.

Each change is a mutant, made and run by mutmut. A mutant that no test notices is either a test that is missing, or
another way to write the same program; `data/mutants.json` lists these with the reason, and the ledger page shows it.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import tokenize
from importlib.metadata import version
from pathlib import Path
from shutil import copytree, ignore_patterns

from ledgerbook.mutants import fingerprint

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "mutants.json"
SETTINGS = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # pytest starts once for every mutant, and plugins are half of its start
}
# module: the tests that speak of it; the quickest that reaches a mutant runs first
TESTS = {
    "ledgerbook/trial": ("test_verify",),
    "ledgerbook/claim": ("test_verify", "test_ledger"),
    "ledgerbook/independence": ("test_independence",),
    "ledgerbook/report": ("test_verify", "test_ledger"),
    "stableminima/arguments": ("test_network", "test_bad_input"),
    "stableminima/network": ("test_network", "test_properties", "test_bad_input"),
    "stableminima/tangent": ("test_tangent", "test_properties", "test_bad_input"),
    "stableminima/matrix_free": ("test_matrix_free", "test_bad_input"),
    "stableminima/smoothness": ("test_smoothness", "test_properties", "test_bad_input"),
    "stableminima/stability": ("test_stability", "test_bad_input"),
    "stableminima/modes": ("test_modes", "test_bad_input"),
    "stableminima/kinks": ("test_symbolic", "test_bad_input"),
    "stableminima/quotients": ("test_symbolic", "test_bad_input"),
    "stableminima/switching": ("test_switching", "test_modes", "test_bad_input"),
    "stableminima/interpolants": ("test_interpolants", "test_properties", "test_bad_input"),
}
SLOW = ("tests/test_independence.py::test_what_both_sides_of_an_inequality_call_is_held_against_something_else",)
NOT_TRIED = {"not checked", "check was interrupted by user"}
NOTICED = {"killed", "timeout", "segfault"}  # a program that never ends is noticed as well


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(Path(each).name for each in TESTS)
    parser.add_argument("modules", nargs="*", help=f"of {names}; or all")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--minutes", type=float, help="after which a module is left; what was tried by then counts")
    options = parser.parse_args()
    if strangers := set(options.modules) - {Path(each).name for each in TESTS}:
        parser.error(f"no module is called {' or '.join(sorted(strangers))}: choose from {names}")
    chosen = [each for each in TESTS if not options.modules or Path(each).name in options.modules]
    for module in chosen:
        with tempfile.TemporaryDirectory() as folder:
            stage(module, Path(folder))
            tried(Path(folder), options.processes, options.minutes)
            keep(module, row(module, Path(folder)), f"mutmut {version('mutmut')}")
    return report(chosen)


def stage(module: str, folder: Path) -> None:
    """What the tests need, with the library as `src`, the name that mutmut wants."""
    for part in ("tests", "tools", "data", "book", "benchmarks"):
        copytree(ROOT / part, folder / part, ignore=ignore_patterns("__pycache__"))
    copytree(ROOT / "lib", folder / "src", ignore=ignore_patterns("__pycache__"))
    source = folder / "src" / f"{module}.py"
    source.write_text(undecorated(formatted(source.read_text(encoding="utf-8"))), encoding="utf-8")
    selection = [f"src/{module}.py", *(f"tests/{name}.py" for name in TESTS[module])]  # its doctests, its tests
    settings = {
        "source_paths": ["src/"], "only_mutate": [f"src/{module}.py"],
        "also_copy": ["tools", "data", "book", "benchmarks", "src"],
        "pytest_add_cli_args_test_selection": selection,
        "pytest_add_cli_args": ["--doctest-modules", "-p", "no:cacheprovider", "-p", "no:unraisableexception",
                                *(f"--deselect={test}" for test in SLOW)],
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + f"\n[tool.mutmut]\n{lines}")


def formatted(code: str) -> str:
    """The same code with every text of several words as an f-string, which mutmut leaves as it is.

    >>> formatted("say('two {words}', 'word')")
    "say(f'two {{words}}', 'word')"
    """
    lines = code.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(code).readline))):
        (row, begin), (last, end) = token.start, token.end
        if token.type == tokenize.STRING and row == last and re.fullmatch(r"""(['"])(?!\1).* .*\1""", token.string):
            text = "f" + token.string.replace("{", "{{").replace("}", "}}")
            lines[row - 1] = lines[row - 1][:begin] + text + lines[row - 1][end:]
    return "".join(lines)


def undecorated(code: str) -> str:
    """The same code with each decorator as a call below the function: mutmut leaves out what is decorated.

    >>> print(undecorated("@cache\\ndef f(x):\\n    return x"))
    def f(x):
        return x
    f = cache(f)
    """
    lines = code.splitlines()
    functions = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda node: -node.lineno):
        calls = [ast.unparse(each) for each in node.decorator_list]
        if calls and calls != ["classmethod"]:
            wrapped = f"{'('.join([*calls, node.name])}{')' * len(calls)}"
            lines.insert(node.end_lineno, f"{' ' * node.col_offset}{node.name} = {wrapped}")
            del lines[node.decorator_list[0].lineno - 1 : node.lineno - 1]
    return "\n".join(lines)


def tried(folder: Path, processes: int, minutes: float | None) -> None:
    """Meet the mutants, with mutmut's own display, which names each that survives by a face."""
    try:
        run(folder, "run", "--max-children", str(processes), timeout=minutes and 60 * minutes)
    except subprocess.TimeoutExpired:
        print(f"\nleft after {minutes:g} minutes")


def run(folder: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=folder, env=os.environ | SETTINGS, check=True, text=True, **options)


def said(folder: Path, *arguments: str) -> str:
    return run(folder, *arguments, stdout=subprocess.PIPE).stdout


def row(module: str, folder: Path) -> dict:
    """What became of the mutants of a module."""
    code = (ROOT / "lib" / f"{module}.py").read_text(encoding="utf-8")
    lines = [line.strip() for line in said(folder, "results", "--all", "true").splitlines()]
    verdicts = dict(line.rsplit(": ", 1) for line in lines if "__mutmut_" in line)
    met = {name: verdict for name, verdict in verdicts.items() if verdict not in NOT_TRIED}
    survivors = [change(name, said(folder, "show", name)) for name, verdict in met.items() if verdict not in NOTICED]
    return {"code": fingerprint(code), "mutants": len(verdicts), "tried": len(met), "killed": len(met) - len(survivors),
            "survivors": survivors}


def change(name: str, diff: str) -> dict[str, str]:
    """A mutant as its function, the line that was and the line that it became."""
    function = name.rpartition("__mutmut_")[0].rpartition(".")[2].removeprefix("x").removeprefix("_")  # x_f, xǁClassǁf
    was, becomes = ("\n".join(line[1:].strip() for line in diff.splitlines()
                              if line.startswith(sign) and not line.startswith(3 * sign)) for sign in "-+")
    return {"function": function.strip("ǁ").replace("ǁ", "."), "was": was, "becomes": becomes}


def keep(module: str, found: dict, tool: str) -> None:
    """Write the row of a module into the results; a survivor that was explained before keeps its reason."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"modules": {}}
    before = results["modules"].get(module, {"survivors": []})["survivors"]
    reasons = {identity(each): each["why"] for each in before}
    found["survivors"] = [each | {"why": reasons.get(identity(each), "")} for each in found["survivors"]]
    modules = results["modules"] | {module: found}
    ordered = {name: modules[name] for name in TESTS if name in modules}
    text = json.dumps({"tool": tool, "modules": ordered}, indent=1, ensure_ascii=False)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def identity(survivor: dict[str, str]) -> tuple[str, ...]:
    return survivor["function"], survivor["was"], survivor["becomes"]


def report(chosen: list[str]) -> int:
    """Print what survived without a reason; 1 where anything did."""
    modules = json.loads(RESULTS.read_text(encoding="utf-8"))["modules"]
    unexplained = 0
    for module in chosen:
        found = modules[module]
        counts = f"{found['tried']} of {found['mutants']} mutants tried, {found['killed']} killed"
        print(f"{module}: {counts}, {len(found['survivors'])} survive")
        for each in found["survivors"]:
            if not each["why"]:
                unexplained += 1
                print(f"  {each['function']}\n    - {each['was']}\n    + {each['becomes']}")
    return int(unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
