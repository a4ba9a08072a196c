"""Measures the book's engine side by side with what a user would take instead, and writes results.json.

On one core, in float64. About five minutes; leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

ONE_CORE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds in which every contestant takes its turn")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("results.json"))
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as empty:  # so that compile times are those of a first use
        os.environ.update(ONE_CORE, NUMBA_CACHE_DIR=empty)
        import measure  # numpy, JAX and PyTorch read their settings when they are first imported

        found = measure.everything(options.rounds, lambda what: print(f"… {what}", flush=True))
    rounded = json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.4g}"))
    options.output.write_text(json.dumps(rounded, indent=1) + "\n")

    from chapters.speed import figures

    for table in (figures.steps_table, figures.switching_table, figures.curvature_table):
        print(f"\n{table(rounded)!r}")
    print("\n".join(["", *figures.ratios(rounded)]))
    for package in rounded["about"]["missing"]:
        print(f"left out: {package} is not installed (it is in the dependency group `benchmarks`)")


if __name__ == "__main__":
    main()
