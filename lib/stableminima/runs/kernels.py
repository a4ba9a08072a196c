"""Gradient descent compiled: the kernel for any size, step by step.

A neuron is active on a prefix or a suffix of the sorted samples, so its pattern is one of 2n, and they lie on a circle:
0 is "all", 1…n-1 drop samples from the left, n is "none", n+1…2n-1 add samples from the left. To move to the next
pattern on the circle is to flip one sample. A table with a row for each pattern then holds all that a step asks for:
the sums of r x and r over its samples (what pulls its neurons), and the sums of w2·w1 and w2·b1 over its neurons (what
bends f). Both are filled by running sums over the samples, so a step costs O(n + k).

A neuron's pattern is certified by the two samples next to its threshold, because w·x + b in floating point is monotone
in x. A neuron that fails its certificate is looked up again.

Sums are taken in one fixed order and no fast-math is used: the same input gives the same trajectory, bit for bit, on
every processor with IEEE arithmetic, and in :mod:`~stableminima.runs.vectorised` too. Where descent is chaotic nothing
less repeats.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types, uint64
from numba.extending import intrinsic

LOOKS = 2  # samples looked at. A row of the table: these, then the pull on w1 and b1, then the bend in slope and value

# numba keeps compiled code by the file of the function alone, so what is kept here calls nothing compiled elsewhere
cached = njit(cache=True, error_model="numpy", nogil=True)
compiled = njit(error_model="numpy", nogil=True)
inlined = njit(error_model="numpy", nogil=True, forceinline=True)  # a call with arrays costs more than ten samples


@cached
def general(theta, x, y, t, limit, tolerance, eta, warm_up, level, factor, switched):
    """Steps ``theta`` in place from step t until the loss is ≤ tolerance, not finite, or t = limit.

    theta has shape (3k+1,), x and y have shape (n,), x is sorted. Returns (t, loss at theta, switched).
    """
    n, width, one = x.size, LOOKS + 4, uint64(1)
    table, expected = samples_around(x, LOOKS)
    which, q, row = load(theta, table, LOOKS, x)
    b2, r = theta[-1], np.empty(n)
    step = step_size(t, np.inf, eta, warm_up, level, factor, switched)[0] / n
    while True:
        loss = residuals(table, width, n, x, y, b2, r)
        if loss <= tolerance or t >= limit or not loss < np.inf:
            break
        if t <= warm_up or (loss < level and not switched):  # seldom: no step waits for a division
            step, switched = step_size(t, loss, eta, warm_up, level, factor, switched)
            step /= n
        b2 -= pulls(table, width, n, x, r, step)
        for i in range(which.size):
            at = row[i]
            d_w, d_b = table[at + uint64(2)], table[at + uint64(3)]
            w, b, v = q[4 * i], q[4 * i + 1], q[4 * i + 2]
            w_new, b_new, v_new = w - v * d_w, b - v * d_b, v - (w * d_w + b * d_b)
            q[4 * i], q[4 * i + 1], q[4 * i + 2] = w_new, b_new, v_new
            seen = np.uint8(w_new * table[at] + b_new > 0.0)
            seen |= np.uint8(w_new * table[at + one] + b_new > 0.0) << np.uint8(1)
            if seen != expected[at // uint64(width)]:
                at = uint64(width * locate(w_new, b_new, x))
                row[i] = at
            table[at + uint64(4)] += v_new * w_new
            table[at + uint64(5)] += v_new * b_new
        t += 1
    store(theta, which, q, b2)
    return t, loss, switched


@compiled
def load(theta, table, looks, x):
    """The neurons that are active somewhere: which they are, q = w1, b1, w2 and a gap for each, and their rows.

    The others never move.
    """
    k, n, width = (theta.size - 1) // 3, x.size, looks + 4
    which = np.empty(k, np.int64)
    q, row = np.empty(4 * k), np.empty(k, np.uint64)
    count = 0
    for i in range(k):
        w, b, v = theta[i], theta[k + i], theta[2 * k + i]
        place = locate(w, b, x)
        if place != n:
            which[count], row[count] = i, place * width
            q[4 * count], q[4 * count + 1], q[4 * count + 2] = w, b, v
            table[place * width + looks + 2] += v * w
            table[place * width + looks + 3] += v * b
            count += 1
    return which[:count], q, row


@compiled
def store(theta, which, q, b2):
    """Writes back what :func:`load` took out."""
    k = (theta.size - 1) // 3
    for m, i in enumerate(which):
        theta[i], theta[k + i], theta[2 * k + i] = q[4 * m], q[4 * m + 1], q[4 * m + 2]
    theta[3 * k] = b2


@compiled
def locate(w, b, x):
    """The pattern of a neuron on sorted x, a place on the circle."""
    n = x.size
    first = w * x[0] + b > 0.0
    last = w * x[n - 1] + b > 0.0
    if first == last:
        return 0 if first else n
    low, high = 0, n - 1
    while high - low > 1:
        middle = (low + high) // 2
        if (w * x[middle] + b > 0.0) == first:
            low = middle
        else:
            high = middle
    return n + high if first else high


@cached
def places(w, b, x):
    """The pattern of each neuron on sorted x, a place on the circle; shape (k,)."""
    found = np.empty(w.size, np.int64)
    for i in range(w.size):
        found[i] = locate(w[i], b[i], x)
    return found


@compiled
def samples_around(x, looks):
    """The table with the samples nearest to each place, from the left, and as bits which of them are active there."""
    n, width = x.size, looks + 4
    table = np.zeros(2 * n * width)
    expected = np.zeros(2 * n, np.uint8)
    for place in range(2 * n):
        for s in range(looks):
            j = (place + s - looks // 2) % n
            table[place * width + s] = x[j]
            if (j >= place) if place < n else (j < place - n):
                expected[place] |= 1 << s
    return table, expected


@inlined
def residuals(table, width, n, x, y, b2, r):
    """Fills r from the bends and returns the loss."""
    slope, value = 0.0, b2
    for j in range(n):  # suffixes that begin at or before j
        slope += table[width * (j + 1) - 2]
        value += table[width * (j + 1) - 1]
        r[j] = (slope * x[j] + value) - y[j]
    slope, value, loss = 0.0, 0.0, 0.0
    for j in range(n - 1, -1, -1):  # prefixes that end after j
        r[j] += slope * x[j] + value
        loss += r[j] * r[j]
        slope += table[width * (n + j + 1) - 2]
        value += table[width * (n + j + 1) - 1]
    return loss / (2 * n)


@inlined
def pulls(table, width, n, x, r, step):
    """Fills the pulls, times the step size over n, clears the bends, and returns the pull on b2."""
    sum_x, sum_1 = 0.0, 0.0
    for j in range(n):
        at = width * (n + j + 1)
        _put(table, at - 4, sum_x, sum_1)
        sum_x += step * r[j] * x[j]
        sum_1 += step * r[j]
    total = sum_1
    sum_x, sum_1 = 0.0, 0.0
    for j in range(n - 1, -1, -1):
        sum_x += step * r[j] * x[j]
        sum_1 += step * r[j]
        at = width * (j + 1)
        _put(table, at - 4, sum_x, sum_1)
    return total


@inlined
def step_size(t, loss, eta, warm_up, level, factor, switched):
    """That of step t in a :class:`~stableminima.runs.descent.Schedule`, and whether the level was reached."""
    switched = switched or loss < level
    step = eta * factor if switched else eta
    if t < warm_up:
        step *= (t + 1) / warm_up
    return step, switched


@intrinsic
def _put(typing, table, at, first, second):
    """table[at], …, table[at + 3] = first, second, 0, 0."""
    signature = types.void(table, types.intp, types.float64, types.float64)

    def generate(context, builder, signature, arguments):
        table, at, *values = arguments
        row = ir.Constant(ir.VectorType(ir.DoubleType(), 4), [0.0] * 4)
        for lane, value in enumerate(values):
            row = builder.insert_element(row, value, ir.IntType(32)(lane))
        builder.store(row, lanes(context, builder, signature.args[0], table, at, 4), align=8)
        return context.get_dummy_value()

    return signature, generate


def lanes(context, builder, kind, array, index, count):
    """Where array[index], …, array[index + count - 1] are, as one vector: LLVM does not find these itself."""
    start = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(start, [index]), ir.VectorType(ir.DoubleType(), count).as_pointer())
