"""What mutation testing wrote last, how the page shows it, and how code is prepared for it. No mutant is run."""

import json

import pytest

import mutants
from ledgerbook.mutants import fingerprint, table

CODE = '''def twice(x):
    """Two times x."""
    return 2 * x
'''
SURVIVOR = {"function": "twice", "was": "return 2 * x", "becomes": "return x * 2", "why": "products commute"}


@pytest.fixture
def results(tmp_path):
    """Writes the results of one module, and the module; says where."""
    def write(code=CODE, **changes):
        row = {"code": fingerprint(CODE), "mutants": 6, "tried": 5, "killed": 4, "survivors": [SURVIVOR]} | changes
        (tmp_path / "mutants.json").write_text(json.dumps({"tool": "mutmut 3", "modules": {"toy/twice": row}}))
        (tmp_path / "toy").mkdir(exist_ok=True)
        (tmp_path / "toy/twice.py").write_text(code)
        return tmp_path / "mutants.json", tmp_path
    return write


def test_what_the_last_run_left():
    """Every survivor has its reason, and modules and the tests that belong to them exist."""
    found = json.loads(mutants.RESULTS.read_text(encoding="utf-8"))["modules"]
    assert found.keys() <= mutants.TESTS.keys()
    for name, row in found.items():
        assert row["mutants"] >= row["tried"] == row["killed"] + len(row["survivors"])
        assert all(each["why"] and each["was"] != each["becomes"] for each in row["survivors"]), name
    for name, tests in mutants.TESTS.items():
        files = [mutants.ROOT / "lib" / f"{name}.py", *(mutants.ROOT / "tests" / f"{each}.py" for each in tests)]
        assert all(path.exists() for path in files), name


def test_page_has_a_row_for_each_module(results):
    assert table(*results()).rows == [("toy.twice", 6, 5, 4, 1, "the same")]
    found = json.loads(mutants.RESULTS.read_text(encoding="utf-8"))["modules"]
    assert len(table(mutants.RESULTS, mutants.ROOT / "lib").rows) == len(found)


def test_changed_code_is_said_to_be_changed(results):
    assert table(*results(code=CODE.replace("2", "3"))).rows[0][-1] == "changed"
    reworded = CODE.replace("Two times", "Twice").replace("* x", "* (x)  # a number")
    assert table(*results(code=reworded)).rows[0][-1] == "the same"
    path, library = results()
    (library / "toy/twice.py").unlink()
    assert table(path, library).rows[0][-1] == "changed"


def test_results_that_are_worth_nothing_are_refused(results, tmp_path):
    with pytest.raises(ValueError, match="toy/twice: a mutant of twice survives without a reason"):
        table(*results(survivors=[SURVIVOR | {"why": " "}]))
    with pytest.raises(ValueError, match="absent.json is missing or incomplete.*run `make mutants`"):
        table(tmp_path / "absent.json", tmp_path)


def test_reason_stays_with_its_mutant(monkeypatch, results):
    path, _ = results()
    monkeypatch.setattr(mutants, "RESULTS", path)
    monkeypatch.setattr(mutants, "TESTS", {"toy/twice": ()})
    bare = {name: text for name, text in SURVIVOR.items() if name != "why"}
    mutants.keep("toy/twice", {"mutants": 2, "killed": 0, "survivors": [bare, bare | {"becomes": "return 3 * x"}]},
                 "mutmut 3")
    found = json.loads(path.read_text())["modules"]["toy/twice"]["survivors"]
    assert [each["why"] for each in found] == ["products commute", ""]


def test_prepared_code_does_the_same():
    """Wording becomes f-strings and decorators become calls, which mutmut leaves alone and does not leave out."""
    code = "\n".join([
        "from functools import cache, cached_property", "", "class Box:", "    @property", "    def two(self):",
        "        return 'a {word}', 'word'", "", "    @classmethod", "    def made(cls):", "        return cls()", "",
        "@cache", "def half(x):", "    \"\"\"Of a number.\"\"\"", "    return x / 2", ""])
    prepared = mutants.undecorated(mutants.formatted(code))
    assert "@property" not in prepared and "@cache" not in prepared and "@classmethod" in prepared
    assert "f'a {{word}}', 'word'" in prepared
    scope: dict = {}
    exec(prepared, scope)
    assert scope["Box"].made().two == ("a {word}", "word")
    assert scope["half"](3) == 1.5 and scope["half"].cache_info().misses == 1
    assert scope["half"].__doc__ == "Of a number."


def test_stranger_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["mutants.py", "trail"])
    with pytest.raises(SystemExit, match="2"):
        mutants.main()
    assert "no module is called trail: choose from trial, claim" in capsys.readouterr().err


DIFF = """# toy.twice.xǁBoxǁtwice__mutmut_2: survived
--- src/toy/twice.py
+++ src/toy/twice.py
@@ -1,2 +1,2 @@
 def twice(self, x):
-    return 2 * x
+    return 3 * x
"""


@pytest.mark.parametrize(("name", "function"), [
    ("toy.twice.xǁBoxǁtwice__mutmut_2", "Box.twice"), ("toy.twice.x_twice__mutmut_2", "twice"),
    ("toy.twice.x__twice__mutmut_12", "_twice"), ("toy.twice.xǁBoxǁ__call____mutmut_1", "Box.__call__")])
def test_mutant_is_named_by_its_function_and_lines(name, function):
    assert mutants.change(name, DIFF) == {"function": function, "was": "return 2 * x", "becomes": "return 3 * x"}
