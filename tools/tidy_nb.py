"""Take out of executed notebooks what differs from run to run:  python tools/tidy_nb.py book/*.ipynb

Goes: widget state and model ids, timings, the kernel's version. nbval compares none of it, and the book is built by
executing. What is left is the same bytes after every execution.
"""

import json
import sys
from pathlib import Path

WIDGET = "application/vnd.jupyter.widget-view+json"


def tidy(notebook: dict) -> dict:
    """The notebook (as nbformat's JSON) without what changes between runs; changed in place."""
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output["data"][WIDGET]["model_id"] = "0"
    return notebook


def tidied(text: str) -> str:
    """The text of a notebook file, tidied; a fixed point: ``tidied(tidied(text)) == tidied(text)``."""
    return json.dumps(tidy(json.loads(text)), indent=1, ensure_ascii=False) + "\n"


def before_saving(model: dict, path: str, **_: object) -> None:
    """Jupyter Server's ``pre_save_hook``, by which `make lab` saves the book's notebooks tidy; it changes the model."""
    if model["type"] == "notebook" and path.startswith("book/"):
        tidy(model["content"])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(tidied(path.read_text(encoding="utf-8")), encoding="utf-8")
