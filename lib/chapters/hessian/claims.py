"""Chapter VII: the Hessian (S58, S60)."""

from __future__ import annotations

from itertools import chain

import numpy as np

from ledgerbook.claim import Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, tangent
from stableminima.network import Dataset, Network

from ..common import Array, mean_outer_product
from ..instances import Case, minima, random_cases


def _gradient_difference(case: Case, step: float = 1e-5) -> Array:
    """Central differences of autograd's gradient; the cases keep 10⁻² away from every kink."""
    theta = case.net.vector
    columns = []
    for direction in np.eye(theta.size) * step:
        up, down = (autodiff.gradient(Network.from_vector(theta + sign * direction), case.data) for sign in (1, -1))
        columns.append((up - down) / (2 * step))
    return np.array(columns)


S58 = Claim(
    equation="S58",
    says="The Hessian of the loss is the Gauss-Newton part plus the residual part",
    relation="=",
    instances=lambda: random_cases(10, k=6, n=5, kink_distance=1e-2),
    left=lambda case: tangent.hessian(case.net, case.data),
    right={
        "autograd": lambda case: autodiff.hessian(case.net, case.data),
        "central differences": _gradient_difference,
    },
    wrong=(
        Wrong("no residual part", left=lambda case: tangent.gauss_newton(case.net, case.data)),
        Wrong("no 1/n", left=lambda case: tangent.hessian(case.net, case.data) * case.data.n),
    ),
    tolerance={
        "autograd": Tolerance(1e-13, why="sums of ten products, each rounded to 1e-16"),
        "central differences": Tolerance(1e-8, why="step 1e-5: truncation 1e-10, cancellation 1e-16/1e-5 = 1e-11"),
    },
)

S60 = Claim(
    equation="S60",
    says="At zero loss the Hessian is ΦΦᵀ/n",
    relation="=",
    instances=lambda: chain(
        (Instance(i.label, i.seed, i.value.interpolating()) for i in random_cases(10, k=6, n=5)), minima(2)
    ),
    left=lambda case: tangent.gauss_newton(case.net, case.data),
    right={
        "autograd": lambda case: autodiff.hessian(case.net, case.data),
        "sum of outer products": mean_outer_product,
    },
    wrong=(
        Wrong("no 1/n", left=lambda case: tangent.gauss_newton(case.net, case.data) * case.data.n),
        Wrong("labels that f misses by 1", left=lambda case: tangent.hessian(case.net, _missed(case))),
    ),
    tolerance=Tolerance(1e-12, why="sums of ten products, each rounded to 1e-16; residuals of rounding size"),
)


def _missed(case: Case) -> Dataset:
    return Dataset(case.data.x, case.net(case.data.x) - 1)
