"""Chapter I, continued: λ_max by an n×n matrix, and the flattest rescaling."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, rescaling, tangent
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Schedule, descend

from ..common import Array, balancing, rescaled
from ..instances import Case, minima, random_case

# ---- λ_max of the whole Hessian through an n×n matrix ------------------------------------------------------------


def _far_from_zero_loss() -> Iterator[Instance]:
    """Random networks with labels far off, networks that descent passes through, minima, and one without a root."""
    for seed, (k, n) in enumerate([(1, 1), (2, 3), (5, 8), (20, 4)] * 4):
        case = random_case(seed, k, n)
        data = Dataset(case.data.x, case.data.y + (0.0, 3.0, -10.0, 40.0)[seed // 4])
        yield Instance(f"{k} neurons, {n} samples, seed {seed}", seed, Case(case.net, data))
    case = random_case(0, 20, 6)
    for steps in (1, 100, 10_000):
        run = descend(case.net, case.data, Schedule(0.02), tolerance=0.0, budget=steps)
        yield Instance(f"after {steps} steps of descent", 0, Case(run.net, case.data))
    yield from minima(1)
    # the features are orthogonal to the residual part's top eigenvector, which is then one of the whole Hessian
    yield Instance("no root above ρ = 5", None, Case(Network([1], [1], [-1], 0), Dataset([0], [-6])))


def _by_bisection(case: Case) -> float:
    """λ_max(∇²L) without an eigenvalue solver: the smallest λ for which λ - ∇²L has a Cholesky factorisation."""
    hessian = autodiff.hessian(case.net, case.data)
    low, high = 0.0, np.abs(hessian).sum(axis=0).max()
    for _ in range(60):
        middle = (low + high) / 2
        try:
            np.linalg.cholesky(middle * np.eye(hessian.shape[0]) - hessian)
        except np.linalg.LinAlgError:
            low = middle
        else:
            high = middle
    return high


def _opposite_residuals(case: Case) -> float:
    flipped = Dataset(case.data.x, 2 * case.net(case.data.x) - case.data.y)
    return tangent.gram_sharpness(case.net, flipped)


I_3 = Claim(
    equation="I.3",
    says="λ_max of the whole Hessian is the root of λ_max(ΦᵀΦ/n + what residuals add at λ) = λ > ρ, or ρ without one",
    tex=r"\lambda_{\max}(\nabla^2 \mathcal L) = "
    r"\max(\{\rho\} \cup \{\lambda > \rho : \lambda_{\max}(K(\lambda)) = 1\})",
    relation="=",
    instances=_far_from_zero_loss,
    left=lambda case: tangent.gram_sharpness(case.net, case.data),
    right={
        "autograd's Hessian": lambda case: np.linalg.eigvalsh(autodiff.hessian(case.net, case.data))[-1],
        "Cholesky and bisection": _by_bisection,
    },
    wrong=(
        Wrong("without the residuals", right=lambda case: tangent.interpolation_sharpness(case.net, case.data)),
        Wrong("residuals of the other sign", right=_opposite_residuals),
        Wrong("the sum of both parts' largest eigenvalues", right=lambda case: _weyl(case)),
    ),
    tolerance=Tolerance(
        1e-11,
        scale=lambda case: np.abs(tangent.hessian(case.net, case.data)).sum(axis=0).max(),
        why="an eigenvalue moves by no more than its symmetric matrix is rounded, 1e-16 of its norm an entry",
    ),
)


def _weyl(case: Case) -> float:
    rest = tangent.largest_eigenvalue(tangent.residual_part(case.net, case.data))
    return tangent.interpolation_sharpness(case.net, case.data) + rest


# ---- the flattest rescaling --------------------------------------------------------------------------------------


def _flattest_minima() -> Iterator[Instance]:
    for instance in minima(4):
        best = rescaling.flattest_rescaling(instance.value.net, instance.value.data).net
        yield Instance(f"{instance.label}, flattest rescaling", None, Case(best, instance.value.data).interpolating())


def _rescaled(vector: Array, case: Case) -> Case:
    return Case(rescaled(case.net, vector), case.data)


def _sharpness(case: Case) -> float:
    """λ_max(ΦᵀΦ/n) by autograd's features."""
    return np.linalg.norm(autodiff.features(case.net, case.data.x), 2) ** 2 / case.data.n


def _bound(case: Case) -> float:
    return rescaling.flattest_rescaling(case.net, case.data).bound


def _mean_part(case: Case) -> float:
    """1ᵀQ1/n, the part of the bound that no rescaling can change."""
    return float(rescaling.flattest_rescaling(case.net, case.data).density.mean() * case.data.n)


I_4 = Claim(
    equation="I.4",
    says="Every rescaling has a λ_max(ΦᵀΦ/n) of at least (1/n)(1ᵀQ1 + 2 Σ|w2| √(⟨Q,M⟩⟨Q,N⟩))",
    tex=r"\lambda_{\max} \ge \tfrac1n \bigl(\mathbf 1^\top Q\, \mathbf 1 "
    r"+ 2 \sum_i |w^{(2)}_i| \sqrt{\langle Q, M_i \rangle \langle Q, N_i \rangle}\bigr)",
    relation=">=",
    instances=lambda: chain(minima(8), _flattest_minima()),
    left=_sharpness,
    right={"semidefinite programme": _bound},
    wrong=(
        Wrong("4 in place of 2", right=lambda case: 2 * _bound(case) - _mean_part(case)),
        Wrong("a sum in place of the mean", right=lambda case: case.data.n * _bound(case)),
        Wrong(
            "layers of equal norm are the flattest",
            right=lambda case: _sharpness(Case(case.net.rescale(balancing(case.net)), case.data)),
        ),
    ),
    tolerance=Tolerance(1e-9, why="the programme's Q is a density matrix up to rounding of its eigenvalues"),
    attack=Attack(start=lambda case: np.zeros(2), build=_rescaled, steps=10, starts=2),
)
