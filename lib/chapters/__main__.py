"""``python -m chapters``: the ledger of checked equations, and the data of the long runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ledgerbook.claim import CheckFailed
from ledgerbook.ledger import Ledger, rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a claim that fails or a result that is refused, 2 (from argparse) nonsense."""
    chosen = _parser().parse_args(arguments)
    return chosen.run(chosen)


def _ledger(chosen: argparse.Namespace) -> int:
    from .registry import chapters

    try:
        found = rows(chapters(), progress=partial(tqdm, file=sys.stderr, unit="claim", disable=None))
    except* CheckFailed as failures:
        print(*failures.exceptions, sep="\n\n", file=sys.stderr)
        print(failures.message, file=sys.stderr)
        found = None
    if found is None:
        return 1
    print(json.dumps(found, indent=1, ensure_ascii=False) if chosen.json else Ledger(found))
    return 0


def _data(chosen: argparse.Namespace) -> int:
    from .plans import regenerate

    chosen.folder.mkdir(parents=True, exist_ok=True)
    try:
        regenerate(chosen.folder, chosen.only)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chapters", description=__doc__.partition(": ")[2])
    commands = parser.add_subparsers(required=True, metavar="command")
    ledger = commands.add_parser("ledger", help="check every equation and list what it is held against")
    ledger.add_argument("--json", action="store_true", help="print a JSON list of objects, one for each equation")
    ledger.set_defaults(run=_ledger)
    data = commands.add_parser("data", help="run the long experiments again and write their results")
    data.add_argument("folder", nargs="?", type=Path, default=Path("data"), help="where to (default: %(default)s)")
    data.add_argument("--only", nargs="+", default=(), metavar="NAME", help="run these alone, as section5 or hero")
    data.set_defaults(run=_data)
    return parser


if __name__ == "__main__":
    sys.exit(main())
