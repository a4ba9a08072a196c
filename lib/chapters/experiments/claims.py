"""Chapter I: what the stored runs show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import smoothness, tangent
from stableminima.runs import experiments
from stableminima.runs.experiments import Afterwards

from .. import plans
from ..common import Array, rescaled
from ..instances import Case


@dataclass(frozen=True, eq=False)
class Settled:
    """A minimum that descent ran on at with a step size, and what happened."""

    case: Case
    after: Afterwards


def _kept_runs() -> Iterator[Instance]:
    kept = plans.stored("section5").kept
    for index, row in enumerate(kept.rows):
        after = Afterwards(*(getattr(row, field.name) for field in fields(Afterwards)))
        value = Settled(Case(kept.net(index), kept.data, row.eta), after)
        yield Instance(f"run at η = {row.eta!r}", row.seed, value)


@lru_cache(maxsize=16)  # the search comes back to step sizes where it was
def _run_on(run: Settled, eta: float) -> Afterwards:
    return experiments.run_on(run.case.net, run.case.data, eta)


def _at_another_step_size(log_eta: Array, run: Settled) -> Settled | None:
    """Descent run on from the same network at another step size; None where it finds no minimum."""
    eta = float(np.exp(log_eta[0]))
    after = _run_on(run, eta)
    at = replace(run, case=replace(run.case, eta=eta), after=after)
    return at if after.final <= plans.SECTION_5.tolerance else None


def _rescaled(vector: Array, run: Settled) -> Settled:
    return replace(run, case=replace(run.case, net=rescaled(run.case.net, vector)))


def _sharpness(run: Settled) -> float:
    return tangent.sharpness(run.case.net, run.case.data)


def _function_bound(run: Settled) -> float:
    return smoothness.sharpness_bound(run.case.net, run.case.data)


I_LOWER = Claim(
    equation="I.1",
    says="The sharpness at the end of every kept run is at least 1 + 2∫|f''| g",
    tex=r"\lambda_{\max}(\theta) \ge 1 + 2\int |f''|\, g \quad \text{on every kept run}",
    relation=">=",
    instances=_kept_runs,
    left=_sharpness,
    right={"sum over knots": _function_bound},
    wrong=(
        Wrong("4 in place of 2", right=lambda run: 2 * _function_bound(run) - 1),
        Wrong("1 in place of g", right=lambda run: 1 + 2 * np.abs(run.case.net.knots[1]).sum()),
        Wrong("sums in place of means", right=lambda run: 1 + run.case.data.n**2 * (_function_bound(run) - 1)),
    ),
    tolerance=Tolerance(
        np.sqrt(2 * plans.SECTION_5.tolerance),
        scale=lambda run: np.sqrt(1 + np.max(run.case.data.x**2)),
        why="the residual part of the Hessian is at most the root of 2L(1 + max x²), and L is at most the tolerance",
    ),
    attack=Attack(start=lambda run: np.zeros(2), build=_rescaled, steps=40),
)

I_UPPER = Claim(
    equation="I.2",
    says="On every kept run, the flattest mode that descent visits when it runs on has a sharpness of at most 2/η",
    tex=r"\min_{m \text{ visited}} \lambda_{\max}(H_m) \le 2/\eta \quad \text{on every kept run}",
    relation="<=",
    instances=_kept_runs,
    left=lambda run: run.after.lowest,
    right={"the run's step size": lambda run: 2 / run.case.eta},
    wrong=(
        Wrong("1.98 in place of 2", right=lambda run: 1.98 / run.case.eta),
        Wrong("the sharpest mode", left=lambda run: run.after.highest),
        Wrong("the sharpness where the run stopped", left=_sharpness),
    ),
    attack=Attack(start=lambda run: np.log([run.case.eta]), build=_at_another_step_size, starts=1, steps=10),
)
