"""A minimum that descent returns to although all its modes are too sharp, with a proof in exact fractions (IX.3).

One neuron has its knot on the first of two samples, at zero loss. Near such a minimum descent is the map T that takes
a displacement u to (I - ηH_m) u, m the mode of u: two linear maps that agree on the plane between the modes. It is
homogeneous, so a polytope around 0 that T maps into itself bounds every path. Whether a polytope is one is a finite
question: T is linear on the part in either mode, and that part is the hull of vertices and of cuts of edges by the
plane. All of it is decided here by sums and products of fractions; floating point only proposes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull

from .arguments import finite
from .network import Dataset, Network

Exact = NDArray[np.object_]  # of fractions
TOP = (0, 0, 1)  # the face s = 1, which the flat direction meets


@dataclass(frozen=True)
class OneKink:
    """f(x) = w2 σ(w1 (x + a)) on the samples -a and a with a = ``at``, labels included: a global minimum with two modes.

    Three coordinates of a displacement u matter: r_1 and r_2, the residuals as they are while the neuron is silent on
    its sample, and s, the component along the direction in which nothing changes but that it gets more silent. They
    are products with the columns of ``basis``; across its span nothing moves.

    Attributes
    ----------
    w1, w2, at, eta : positive fractions.

    Raises
    ------
    ValueError
        If one of them is not positive.

    Examples
    --------
    >>> OneKink().wall.tolist()
    [Fraction(200, 143), Fraction(-200, 143), Fraction(-1, 1)]
    """

    w1: Fraction = Fraction(1, 10)
    w2: Fraction = Fraction(1, 2)
    at: Fraction = Fraction(3)
    eta: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        for name in ("w1", "w2", "at", "eta"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be a positive fraction, got {getattr(self, name)}")

    @property
    def net(self) -> Network:
        """The network in floating point; its pre-activation on the first sample is exactly 0."""
        return Network([float(self.w1)], [float(self.w1) * float(self.at)], [float(self.w2)], 0)

    @property
    def data(self) -> Dataset:
        """The two samples, with the network's outputs as labels."""
        return Dataset([-float(self.at), float(self.at)], self.net([-float(self.at), float(self.at)]))

    def features(self, active: bool) -> Exact:
        """Φ_m of the mode in which the neuron is active on its sample, or silent; shape (4, 2) (S60)."""
        one, at, w2 = Fraction(1), self.at, self.w2
        first = (-at * w2 * active, w2 * active, 0 * one, one)
        return np.array([first, (at * w2, w2, 2 * at * self.w1, one)], dtype=object).T

    def hessian(self, active: bool) -> Exact:
        """H_m = Φ_mΦ_mᵀ/2, shape (4, 4)."""
        phi = self.features(active)
        return phi @ phi.T / Fraction(2)

    @property
    def _tilt(self) -> Fraction:
        """How far the pre-activation on the first sample moves with the second neuron's part of the residuals."""
        return self.w2 * (1 - self.at**2) / (self.w2**2 * (1 + self.at**2) + (2 * self.at * self.w1) ** 2)

    @property
    def basis(self) -> Exact:
        """φ_1 and φ_2 of the silent mode, and the flat direction, orthogonal to both; shape (4, 3)."""
        silent = self.features(False)
        kink = np.array([-self.at, Fraction(1), Fraction(0), Fraction(0)], dtype=object)
        return np.column_stack([silent, self._tilt * (silent[:, 1] - silent[:, 0]) - kink])

    @property
    def gram(self) -> Exact:
        """basisᵀ basis, shape (3, 3): the largest product n·(r_1, r_2, s) over unit displacements is √(nᵀ gram n)."""
        return self.basis.T @ self.basis

    @property
    def wall(self) -> Exact:
        """The neuron is active on its sample where wall·(r_1, r_2, s) > 0, the change of its pre-activation; shape (3,)."""
        return np.array([-self._tilt, self._tilt, Fraction(-1)], dtype=object)

    def matrix(self, active: bool) -> Exact:
        """T in one of the modes, on (r_1, r_2, s); shape (3, 3)."""
        residuals = np.array([[1, 0, 0], [0, 1, 0]], dtype=object) * Fraction(1)
        residuals[0] = residuals[0] + self.w2 * active * self.wall
        return np.eye(3, dtype=int) - self.eta / 2 * self.basis.T @ self.features(active) @ residuals

    def step(self, points: ArrayLike) -> NDArray:
        """T of points, one (r_1, r_2, s) a row; exact where they are fractions.

        >>> OneKink().step(np.array([[0, 0, Fraction(1)]])).tolist() == [[0, 0, 1]]   # a minimum beside this one
        True
        """
        points = np.asarray(points)
        active = (points @ self.wall > 0)[:, None]
        silent, other = (points @ self.matrix(mode).T for mode in (False, True))
        return np.where(active, other, silent)


class Kept(NamedTuple):
    """What was verified of a polytope that T maps into itself, exactly; :func:`kept` says what follows.

    vertices, faces, cuts : how many. reach : the largest share of the way to a face other than s = 1 at which an image
    lies. falls : the largest s of the image of an active vertex of the face s = 1. ball : the largest share of the way
    to a face other than s = 1 that a ball around 0 takes which touches s = 1.
    """

    vertices: int
    faces: int
    cuts: int
    reach: Fraction
    falls: Fraction
    ball: float


def faces(points: Exact) -> tuple[Exact, list[tuple[int, int]]]:
    """The polytope with these vertices, shape (N, 3): its triangles as rows n with n·p = 1, and its edges.

    Qhull proposes triangles; that they are a closed surface with every point on the inner side is verified exactly.

    Raises
    ------
    ValueError
        If it is not: 0 is not inside, or the points are not all vertices.

    Examples
    --------
    >>> octahedron = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]) * Fraction(1)
    >>> normals, edges = faces(octahedron)
    >>> normals[0].tolist() == [abs(each) * (1 if each > 0 else -1) for each in normals[0]], len(normals), len(edges)
    (True, 8, 12)
    """
    triangles = ConvexHull(finite("points", points)).simplices
    edges = Counter(tuple(sorted(map(int, pair))) for each in triangles for pair in combinations(each, 2))
    if set(edges.values()) != {2} or len(np.unique(triangles)) < len(points):
        raise ValueError("points are not the vertices of a closed surface; leave out those that are not vertices")
    normals = []
    for a, b, c in points[triangles]:
        normal = np.cross(b - a, c - a)
        if (volume := normal @ a) == 0:
            raise ValueError("0 is on the surface; give a polytope with 0 inside")
        normals.append(normal / volume)
    normals = np.array(normals)
    if (normals @ points.T > 1).any():
        raise ValueError("a point lies beyond a face: the surface is not that of the hull, or 0 is not inside")
    return normals, sorted(edges)


def cuts(kink: OneKink, points: Exact, edges: list[tuple[int, int]]) -> Exact:
    """Where edges cross the plane between the modes, shape (C, 3)."""
    height = points @ kink.wall
    return np.array([(abs(height[j]) * points[i] + abs(height[i]) * points[j]) / (abs(height[i]) + abs(height[j]))
                     for i, j in edges if height[i] * height[j] < 0])


def kept(kink: OneKink, points: Exact) -> Kept | None:
    """What holds of the polytope with these vertices if T maps it into itself, or None if it does not.

    Where ``reach`` and ``falls`` are below 1, every path converges to a multiple cF, c ≥ 0, of the point (0, 0, 1) where the
    flat direction meets the face s = 1. Where ``ball`` is at most 1 too, it ends no farther from 0 than it began.

    Raises
    ------
    ValueError
        As :func:`faces`.
    """
    normals, edges = faces(points)
    crossing = cuts(kink, points, edges)
    images, height = kink.step(np.concatenate([points, crossing])), points @ kink.wall
    if (images @ normals.T > 1).any():
        return None
    top = (normals == np.array(TOP)).all(axis=1)
    others, gram = normals[~top], kink.gram
    active = (points[:, 2] == 1) & (height > 0)
    ball = max((each @ gram @ each / gram[2, 2] for each in others), default=Fraction(0))
    falls = max(kink.step(points[active])[:, 2], default=Fraction(0)) if active.any() else Fraction(0)
    return Kept(len(points), len(normals), len(crossing), (images @ others.T).max(), falls, float(ball) ** 0.5)


def certificate() -> Exact:
    """Vertices of a polytope for ``OneKink()``, shape (41, 3): found by a search, proved by :func:`kept`.

    >>> len(certificate())
    41
    """
    return np.array(HUNDREDTHS) * Fraction(1, 100)


HUNDREDTHS = (
    (-47, -143, 100), (-14, 22, 100), (14, -22, 100), (37, 129, 100), (40, 120, 68), (-47, -136, 63), (-33, 9, 62),
    (33, 125, 61), (41, 12, 52), (-58, -110, 48), (2, 114, 46), (32, -26, 42), (17, -58, 38), (-40, 8, 27),
    (49, 28, 16), (-62, -112, 15), (-2, 118, 14), (35, -27, 5), (-46, -11, -5), (3, -83, -5), (-28, -110, -6),
    (50, 47, -16), (-10, 104, -18), (-59, -94, -19), (41, -6, -26), (27, -41, -33), (3, -76, -42), (41, 77, -46),
    (-18, -92, -51), (44, 42, -52), (21, 77, -68), (23, -31, -68), (35, 7, -68), (-26, -82, -72), (-28, 62, -77),
    (30, 60, -78), (-46, -45, -79), (9, -31, -92), (23, 7, -94), (5, 22, -104), (-30, -44, -116),
)
