"""Full-batch gradient descent as each of its users would write it, and the largest eigenvalue of its Hessian.

A contestant takes (net, data, eta) and returns a function of a number of steps, which takes them from the start and
returns θ of shape (3k+1,), in the order of (S31). Those that are not installed are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import autograd
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from stableminima import autodiff, matrix_free
from stableminima.network import Dataset, Network
from stableminima.runs import kernels, vectorised

Vector = NDArray[np.float64]
Descent = Callable[[int], Vector]
UNROLLED = 8


def _own(kernel: Callable) -> Callable[[Network, Dataset, float], Descent]:
    """One of the book's kernels. Like no other contestant but one, it looks at the loss in every step."""

    def make(net: Network, data: Dataset, eta: float) -> Descent:
        order = np.argsort(data.x)
        x, y = data.x[order], data.y[order]

        def descend(steps: int) -> Vector:
            theta = net.vector.copy()
            kernel(theta, x, y, 0, steps, 0.0, eta, 0, 0.0, 1.0, False)
            return theta

        return descend

    return make


def _numpy(net: Network, data: Dataset, eta: float) -> Descent:
    def descend(steps: int) -> Vector:
        (w1, b1, w2), b2, x, y = net.vector[:-1].reshape(3, -1).copy(), net.b2, data.x[:, None], data.y
        for _ in range(steps):
            z = x * w1 + b1
            active = z > 0
            r = ((z * active) @ w2 + b2 - y) / data.n
            pull = r @ active, (r * data.x) @ active
            w1, b1, w2 = w1 - eta * w2 * pull[1], b1 - eta * w2 * pull[0], w2 - eta * (w1 * pull[1] + b1 * pull[0])
            b2 = b2 - eta * r.sum()
        return np.concatenate([w1, b1, w2, [b2]])

    return descend


def _autograd(net: Network, data: Dataset, eta: float) -> Descent:
    gradient = autograd.grad(autodiff.loss)

    def descend(steps: int) -> Vector:
        theta = net.vector
        for _ in range(steps):
            theta = theta - eta * gradient(theta, data)
        return theta

    return descend


def _torch(net: Network, data: Dataset, eta: float) -> Descent:
    import torch

    torch.set_num_threads(1)
    x, y = torch.tensor(data.x)[:, None], torch.tensor(data.y)[:, None]

    def descend(steps: int) -> Vector:
        model = torch.nn.Sequential(torch.nn.Linear(1, net.k), torch.nn.ReLU(), torch.nn.Linear(net.k, 1)).double()
        start = (net.w1[:, None], net.b1, net.w2[None], np.array([net.b2]))
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), start, strict=True):
                parameter.copy_(torch.tensor(value))
        optimiser = torch.optim.SGD(model.parameters(), lr=eta)
        for _ in range(steps):
            optimiser.zero_grad()
            (torch.nn.functional.mse_loss(model(x), y) / 2).backward()
            optimiser.step()
        return np.concatenate([parameter.detach().numpy().ravel() for parameter in model.parameters()])

    return descend


def _jax_loss(theta, x, y):
    """The plain code of a user; JAX gives relu the derivative 0 at 0, as we do."""
    import jax

    w1, b1, w2 = theta[:-1].reshape(3, -1)
    output = jax.nn.relu(x[:, None] * w1 + b1) @ w2 + theta[-1]
    return ((output - y) ** 2).mean() / 2


def _jax_gradient(theta, x, y):
    """The gradient derived by hand, as in the numpy contestant."""
    import jax.numpy as jnp

    w1, b1, w2 = theta[:-1].reshape(3, -1)
    z = x[:, None] * w1 + b1
    active = z > 0
    r = ((z * active) @ w2 + theta[-1] - y) / x.size
    both = jnp.stack([r * x, r]) @ active
    return jnp.concatenate([w2 * both[0], w2 * both[1], w1 * both[0] + b1 * both[1], r.sum()[None]])


def _jax(loop: str, by_hand: bool = False) -> Callable[[Network, Dataset, float], Descent]:
    """JAX in one compiled loop of this kind, with its own gradient or the one derived by hand."""

    def make(net: Network, data: Dataset, eta: float) -> Descent:
        import jax

        jax.config.update("jax_enable_x64", True)
        x, y, start = jax.numpy.array(data.x), jax.numpy.array(data.y), jax.numpy.array(net.vector)
        value_and_gradient = jax.value_and_grad(_jax_loss)

        def gradient(theta):
            return _jax_gradient(theta, x, y) if by_hand else value_and_gradient(theta, x, y)[1]

        def step(theta):
            return theta - eta * gradient(theta)

        def several(theta):
            for _ in range(UNROLLED):
                theta = step(theta)
            return theta

        def scan(theta):
            return jax.lax.scan(lambda now, _: (step(now), None), theta, length=8 * UNROLLED, unroll=UNROLLED)[0]

        def fori(theta, steps, several=step, count=1):
            theta = jax.lax.fori_loop(0, steps // count, lambda _, now: several(now), theta)
            return theta if count == 1 else fori(theta, steps % count)

        def with_stopping_rule(theta, steps):
            def onward(state):
                t, _, loss = state
                return (t < steps) & (loss > 0)

            def body(state):
                t, theta, _ = state
                loss, slope = value_and_gradient(theta, x, y)
                return t + 1, theta - eta * slope, loss

            return jax.lax.while_loop(onward, body, (0, theta, jax.numpy.inf))[1]

        loops = {
            "fori": fori,
            "unrolled": lambda theta, steps: fori(theta, steps, several, UNROLLED),
            "scan": lambda theta, steps: fori(theta, steps, scan, 8 * UNROLLED),
            "while": with_stopping_rule,
        }
        compiled = jax.jit(loops[loop])
        return lambda steps: np.asarray(compiled(start, steps).block_until_ready())

    return make


_PEERS = {
    "jax": {
        "JAX, fori_loop": _jax("fori"),
        "JAX, fori_loop unrolled": _jax("unrolled"),
        "JAX, scan unrolled": _jax("scan"),
        "JAX, while_loop with our stopping rule": _jax("while"),
        "JAX by hand, fori_loop": _jax("fori", by_hand=True),
        "JAX by hand, fori_loop unrolled": _jax("unrolled", by_hand=True),
    },
    "torch": {"PyTorch, eager SGD": _torch},
}
MISSING = tuple(package for package in _PEERS if find_spec(package) is None)
DESCENTS: dict[str, Callable[[Network, Dataset, float], Descent]] = {
    "fixed": _own(vectorised.fixed),
    "general": _own(kernels.general),
    "numpy": _numpy,
    "autograd": _autograd,
    **{name: make for package, peers in _PEERS.items() if package not in MISSING for name, make in peers.items()},
}


# ---- Hessian products -----------------------------------------------------------------------------------------


def _jax_hessian(net: Network, data: Dataset) -> LinearOperator:
    """Forward over reverse, the product that JAX's documentation recommends."""
    import jax

    jax.config.update("jax_enable_x64", True)
    x, y, theta = jax.numpy.array(data.x), jax.numpy.array(data.y), jax.numpy.array(net.vector)
    product = jax.jit(lambda u: jax.jvp(lambda at: jax.grad(_jax_loss)(at, x, y), (theta,), (u,))[1])
    return LinearOperator((theta.size, theta.size), matvec=lambda u: np.asarray(product(u.ravel())), dtype=float)


def _autograd_hessian(net: Network, data: Dataset) -> LinearOperator:
    product = autograd.hessian_vector_product(lambda theta: autodiff.loss(theta, data))
    size = net.vector.size
    return LinearOperator((size, size), matvec=lambda u: product(net.vector, u.ravel()), dtype=float)


HESSIANS: dict[str, Callable[[Network, Dataset], LinearOperator]] = {
    "ours": matrix_free.hessian,
    **({} if "jax" in MISSING else {"JAX, jvp of grad": _jax_hessian}),
    "autograd": _autograd_hessian,
}
