"""How fast: what `make benchmarks` measured."""
