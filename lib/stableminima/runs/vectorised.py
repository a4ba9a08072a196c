"""The same steps, bit for bit, in less time where networks are small: a kernel compiled anew for each n and k.

It looks at four samples around a neuron's threshold in one vector instruction; they tell a neuron that stays or moves
by one place, without a branch: where thresholds sit on samples, up to every sixth neuron moves in every step. LLVM does
not find these instructions itself, so they are written out here.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from inspect import getsource

import numpy as np
from llvmlite import ir
from numba import literally, types, uint64
from numba.extending import intrinsic

from . import kernels
from .kernels import cached, compiled, lanes, load, locate, pulls, residuals, samples_around, step_size, store

LOOKS = 4  # samples looked at, with which a row of the table has eight numbers
CALLED = sha256(getsource(kernels).encode()).hexdigest()  # what is kept on disk is kept for these kernels alone


def fixed(theta, x, y, *rest):
    """As :func:`~stableminima.runs.kernels.general`, with n and k known to the compiler.

    Compiling takes seconds for each new size, once: it is kept on disk.
    """
    return _for_size(x.size, (theta.size - 1) // 3)(theta, x, y, *rest)


@cache
def _for_size(n, k, called=CALLED):
    @cached
    def fixed(theta, x, y, t, limit, tolerance, eta, warm_up, level, factor, switched):
        assert called  # numba looks code up by the values that a function encloses: sizes, and now this too
        size = literally(n), literally(k)
        return _fixed(theta, x, y, t, limit, tolerance, eta, warm_up, level, factor, switched, *size)

    return fixed


@compiled
def _fixed(theta, x, y, t, limit, tolerance, eta, warm_up, level, factor, switched, n, k):
    width, one = LOOKS + 4, uint64(1)
    table, expected = samples_around(x, LOOKS)
    next_row, unknown = _next_rows(expected), uint64(2 * n * width)
    which, q, row = load(theta, table, LOOKS, x)
    b2, r = theta[3 * k], np.empty(n)
    step = step_size(t, np.inf, eta, warm_up, level, factor, switched)[0] / n
    while True:
        loss = residuals(table, width, n, x, y, b2, r)
        if loss <= tolerance or t >= limit or not loss < np.inf:
            break
        if t <= warm_up or (loss < level and not switched):  # seldom: no step waits for a division
            step, switched = step_size(t, loss, eta, warm_up, level, factor, switched)
            step /= n
        b2 -= pulls(table, width, n, x, r, step)
        to = uint64(0)
        for i in range(uint64(which.size)):
            at = row[i]
            at = next_row[at + at + _move(q, to, table, at)]
            if at == unknown:
                at = uint64(width * locate(q[to], q[to + one], x))
            _bend(q, to, table, at)
            row[i] = at
            to += uint64(4)
        t += 1
    store(theta, which, q, b2)
    return t, loss, switched


@compiled
def _next_rows(expected):
    """Entry 16·place + seen: the row of the place that the four bits tell, or one past the last row."""
    circle = expected.size
    rows = np.full(16 * circle, 8 * circle, np.uint64)
    for place in range(circle):
        stays = 16 * place + expected[place]
        rows[stays] = 8 * place
        rows[stays ^ 4] = 8 * ((place + 1) % circle)  # the sample on the right of the threshold has flipped
        rows[stays ^ 2] = 8 * ((place - 1) % circle)  # the one on its left
    return rows


@intrinsic
def _move(typing, q, to, table, at):
    """Steps the neuron at q[to] by the pull of its row. Bit s is set where it is then active on sample s of the row."""
    signature = types.uint64(q, types.uint64, table, types.uint64)

    def generate(context, builder, signature, arguments):
        q, to, table, at = arguments
        index = ir.IntType(64)
        at_wb, at_v = _neuron(context, builder, signature.args[0], q, to)
        at_pull = lanes(context, builder, signature.args[2], table, builder.add(at, index(LOOKS)), 2)
        wb, v, pull = (builder.load(where, align=8) for where in (at_wb, at_v, at_pull))
        product = builder.fmul(wb, pull)
        wb = builder.fsub(wb, builder.fmul(_everywhere(builder, v, 0, 2), pull))
        total = builder.fadd(_everywhere(builder, product, 0, 1), _everywhere(builder, product, 1, 1))
        builder.store(wb, at_wb, align=8)
        builder.store(builder.fsub(v, total), at_v, align=8)
        x = builder.load(lanes(context, builder, signature.args[2], table, at, LOOKS), align=8)
        z = builder.fadd(builder.fmul(_everywhere(builder, wb, 0, LOOKS), x), _everywhere(builder, wb, 1, LOOKS))
        positive = builder.fcmp_ordered(">", z, ir.Constant(x.type, [0.0] * LOOKS))
        return builder.zext(builder.bitcast(positive, ir.IntType(LOOKS)), index)

    return signature, generate


@intrinsic
def _bend(typing, q, to, table, at):
    """Adds w2·w1 and w2·b1 of the neuron at q[to] to its row."""
    signature = types.void(q, types.uint64, table, types.uint64)

    def generate(context, builder, signature, arguments):
        q, to, table, at = arguments
        at_bend = lanes(context, builder, signature.args[2], table, builder.add(at, ir.IntType(64)(LOOKS + 2)), 2)
        places = *_neuron(context, builder, signature.args[0], q, to), at_bend
        wb, v, bend = (builder.load(where, align=8) for where in places)
        bend = builder.fadd(bend, builder.fmul(_everywhere(builder, v, 0, 2), wb))
        builder.store(bend, at_bend, align=8)
        return context.get_dummy_value()

    return signature, generate


def _neuron(context, builder, kind, q, to):
    """Where the neuron at q[to] has its w1 and b1, as one vector, and its w2."""
    at_v = builder.add(to, ir.IntType(64)(2))
    return lanes(context, builder, kind, q, to, 2), lanes(context, builder, kind, q, at_v, 1)


def _everywhere(builder, vector, lane, count):
    """The vector with ``count`` lanes that all hold that lane of ``vector``."""
    chosen = ir.Constant(ir.VectorType(ir.IntType(32), count), [lane] * count)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), chosen)
