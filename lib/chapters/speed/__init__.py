"""How fast: what `make benchmarks` measured."""

PAGE = "benchmarks"
