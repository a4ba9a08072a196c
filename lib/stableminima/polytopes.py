"""A minimum that descent returns to although all its modes are too sharp, with a proof in exact fractions (IX.3).

One neuron has its knot on the first of two samples, at zero loss. Near such a minimum descent is the map T that takes
a displacement u to (I - ηH_m) u, m the mode of u: linear in either mode, with a jump on the plane between them. It is
homogeneous, so a polytope around 0 that T maps into itself bounds every path. Whether a polytope is one is a finite
question: its part in a mode is the hull of vertices and of the points where edges cross that plane. All of it is
decided here by sums and products of fractions; floating point only proposes.
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
Edges = list[tuple[int, int]]


@dataclass(frozen=True)
class OneKink:
    """f(x) = w2 σ(w1 (x + a)) on the samples -a and a, a = ``at``, with its own outputs as labels: two modes meet.

    Three coordinates of a displacement u matter: r_1 and r_2, the residuals as they are while the neuron is silent on
    its sample, and s, the component along the direction in which nothing changes but that it gets more silent. They
    are products of u with the columns of ``basis``; across its span nothing moves.

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
        x = np.array([-float(self.at), float(self.at)])
        return Dataset(x, self.net(x))

    def features(self, active: bool) -> Exact:
        """Φ_m of the mode in which the neuron is active on its sample, or silent; shape (4, 2) (S60)."""
        zero, one, at, w2 = Fraction(0), Fraction(1), self.at, self.w2
        first = (-at * w2, w2, zero, one) if active else (zero, zero, zero, one)
        return np.array([first, (at * w2, w2, 2 * at * self.w1, one)], dtype=object).T

    def hessian(self, active: bool) -> Exact:
        """H_m = Φ_mΦ_mᵀ/2, shape (4, 4)."""
        phi = self.features(active)
        return phi @ phi.T / Fraction(2)

    @property
    def _tilt(self) -> Fraction:
        """How much of the second residual the pre-activation on the first sample follows."""
        return self.w2 * (1 - self.at**2) / (self.w2**2 * (1 + self.at**2) + (2 * self.at * self.w1) ** 2)

    @property
    def basis(self) -> Exact:
        """∇φ(x_1) and ∇φ(x_2) of the silent mode, and the flat direction, orthogonal to both; shape (4, 3)."""
        silent = self.features(False)
        kink = np.array([-self.at, Fraction(1), Fraction(0), Fraction(0)], dtype=object)
        return np.column_stack([silent, self._tilt * (silent[:, 1] - silent[:, 0]) - kink])

    @property
    def gram(self) -> Exact:
        """G = basisᵀ basis, shape (3, 3): a functional n of (r_1, r_2, s) is at most √(nᵀGn)·‖u‖."""
        return self.basis.T @ self.basis

    @property
    def wall(self) -> Exact:
        """The change of the pre-activation is wall·(r_1, r_2, s), shape (3,): active on its sample where positive."""
        return np.array([-self._tilt, self._tilt, Fraction(-1)], dtype=object)

    def matrix(self, active: bool) -> Exact:
        """T in one of the modes, on (r_1, r_2, s); shape (3, 3)."""
        residuals = np.array([[1, 0, 0], [0, 1, 0]], dtype=object) * Fraction(1)
        if active:
            residuals[0] = residuals[0] + self.w2 * self.wall
        return np.eye(3, dtype=int) - self.eta / 2 * self.basis.T @ self.features(active) @ residuals

    def flat(self, active: bool) -> Exact:
        """F_m, the (r_1, r_2, s) of a displacement into a mode along which its loss stays 0; shape (3,)."""
        silent = (Fraction(0), Fraction(0), Fraction(1))
        return np.array((-self.w2, Fraction(0), self._tilt * self.w2 - 1) if active else silent, dtype=object)

    def along(self, active: bool) -> Exact:
        """ℓ_m, the functional of (r_1, r_2, s) that gives c at cF_m and 0 across; T keeps it in mode m. Shape (3,)."""
        direction = solved(self.gram, self.flat(active))
        return direction / (direction @ self.flat(active))

    def step(self, points: ArrayLike) -> NDArray:
        """T of points, one (r_1, r_2, s) a row, shape (N, 3); exact where they are fractions.

        >>> OneKink().step(np.array([[0, 0, Fraction(1)]])).tolist() == [[0, 0, 1]]   # a minimum beside this one
        True
        """
        points = np.asarray(points)
        active = (points @ self.wall > 0)[:, None]
        silent, other = (points @ self.matrix(mode).T for mode in (False, True))
        return np.where(active, other, silent)


class Kept(NamedTuple):
    """What :func:`kept` verified of a polytope: sizes, κ, and the radius of a ball in it, in units of max ‖F_m‖.

    ``crossings`` counts the points where edges cross the plane between the modes; ``radius`` is rounded down.
    """

    vertices: int
    faces: int
    crossings: int
    kappa: Fraction
    radius: Fraction

    @property
    def proves(self) -> bool:
        """Whether κ < 1 and the ball is not smaller than κ: then every path ends no farther from 0 than it began."""
        return self.kappa < 1 and self.kappa <= self.radius


def faces(points: Exact) -> tuple[Exact, Edges]:
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
    >>> len(normals), len(edges), set(abs(normals).ravel().tolist())
    (8, 12, {Fraction(1, 1)})
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


def crossings(kink: OneKink, points: Exact, edges: Edges) -> Exact:
    """Where edges cross the plane between the modes, shape (C, 3)."""
    height = points @ kink.wall
    return np.array([(height[j] * points[i] - height[i] * points[j]) / (height[j] - height[i])
                     for i, j in edges if height[i] * height[j] < 0])


def kept(kink: OneKink, points: Exact) -> Kept | None:
    """What holds of the polytope with these vertices if T maps it into itself; None if it does not.

    κ is the largest value of a face at an image, but for the face of ℓ_m at images under mode m. Crossings are mapped
    by both modes.

    Raises
    ------
    ValueError
        As :func:`faces`.
    """
    normals, edges = faces(points)
    crossing, height = crossings(kink, points, edges), points @ kink.wall
    own = np.array([[not np.cross(each, kink.along(mode)).any() and each @ kink.flat(mode) > 0 for each in normals]
                    for mode in (False, True)])
    kappa = Fraction(0)
    for mode, here, its in zip((False, True), (height <= 0, height >= 0), own, strict=True):
        values = np.concatenate([points[here], crossing]) @ kink.matrix(mode).T @ normals.T
        if (values > 1).any():
            return None
        kappa = max(kappa, values[:, ~its].max())
    support = max(each @ kink.gram @ each for each in normals) * _longest(kink, normals, own)
    below = Fraction(int(1e6 / float(support) ** 0.5) - 1, 10**6)
    return Kept(len(points), len(normals), len(crossing), kappa, below if below**2 * support <= 1 else Fraction(0))


def _longest(kink: OneKink, normals: Exact, own: NDArray[np.bool_]) -> Fraction:
    """max ‖cF_m‖² over both modes, with cF_m where the flat direction meets the face of ℓ_m."""
    squares = []
    for mode, its in zip((False, True), own, strict=True):
        flat = kink.flat(mode)
        level = 1 / (normals[its][0] @ flat) if its.any() else Fraction(10**6)  # without such a face nothing is proved
        squares.append(level**2 * (flat @ solved(kink.gram, flat)))
    return max(squares)


def solved(matrix: Exact, right: Exact) -> Exact:
    """The solution of three linear equations in fractions, by Cramer's rule; shape (3,).

    >>> solved(np.eye(3, dtype=int) * Fraction(2), np.array([2, 4, 6])).tolist() == [1, 2, 3]
    True
    """
    a, b, c = matrix.T
    return np.array([right @ np.cross(b, c), right @ np.cross(c, a), right @ np.cross(a, b)]) / (a @ np.cross(b, c))


def certificate() -> Exact:
    """Vertices of a polytope for ``OneKink()``, shape (N, 3): found by a search, proved by :func:`kept`.

    Some lie on the plane ℓ_0 = 1 of the silent mode, which is s = 1, some on ℓ_1 = 143/299 of the active one.

    >>> kept(OneKink(), certificate()).proves
    True
    """
    plane, unit = OneKink().along(True), Fraction(1, 200)
    silent = [(r1 * unit, r2 * unit, Fraction(1)) for r1, r2 in ON_SILENT_FACE]
    pairs = [(r1 * unit, r2 * unit) for r1, r2 in ON_ACTIVE_FACE]
    active = [(r1, r2, (Fraction(143, 299) - plane[0] * r1 - plane[1] * r2) / plane[2]) for r1, r2 in pairs]
    return np.array([*silent, *active, *[tuple(each * unit for each in vertex) for vertex in VERTICES]], dtype=object)


# in units of 1/200: r_1 and r_2 of the vertices on the two faces, and all three coordinates of the others
ON_SILENT_FACE = (
    (-94, -285), (-72, -243), (-46, -60), (42, 7), (74, 257),
)
ON_ACTIVE_FACE = (
    (-86, -76), (-58, -101), (-41, 131), (-9, 30),
)
VERTICES = (
    (-128, -224, 7), (-117, -240, 113), (-109, -165, -64), (-93, -12, -8), (-67, -164, -139), (-66, 23, 128),
    (-45, -186, -122), (-32, 174, -12), (-26, 185, -64), (-9, 238, 7), (-4, -98, -186), (-3, -176, -45),
    (15, 242, 113), (21, 11, -215), (27, 156, -139), (38, 99, -190), (43, -80, -130), (48, -104, 45),
    (69, 156, -125), (74, 212, 200), (75, -8, 111), (77, -39, -41), (78, 237, 128), (79, 52, -141),
    (81, 1, 97), (98, 161, -16), (102, 63, -7),
)
