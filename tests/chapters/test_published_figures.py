"""Chapter I, continued: every published figure, λ_max by an n×n matrix, and the flattest rescaling."""

import numpy as np

from chapters import plans
from chapters.published_figures import figures
from rooms import *


def test_partition_puts_every_kept_run_in_one_class():
    kept = plans.stored("chain").kept
    assert np.sum(list(figures.partition(kept).values()), axis=0).tolist() == [1] * len(kept)


def test_trends_are_those_of_the_runs_at_the_edge():
    limits = plans.stored("limits")
    one = next(each for each in figures.trends(limits) if each.seed == 8)
    part = limits.kept.where((limits.kept["seed"] == 8) & (limits.kept["eta"] * limits.kept["sharpness"] / 2 > 0.97))
    assert (one.runs, one.factor > 1, one.rank < 0) == (len(part), part["norm"][0] > part["norm"][-1], True)
    assert one.factor == part["norm"][0] / part["norm"][-1]
