"""The README keeps its word: its code runs, and its figure is the book's."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_code_runs(tmp_path, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "example.py").write_text(block, encoding="utf-8")
    result = runpy.run_path(str(tmp_path / "example.py"))
    assert str(result["run"].outcome) == "converged"
    assert capsys.readouterr().out.count("\n") == 4


def test_figure_is_that_of_the_preface():
    figure = re.search(r"!\[.{20,}\]\((.*?)\)", README)[1]
    image = runpy.run_path(str(ROOT / "tools" / "readme_figure.py"))["image"]
    assert (ROOT / figure).read_bytes() == image()


def test_commands_it_names_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE))
    assert {"book", "test", "lab", "serve", "data"} <= named <= targets
