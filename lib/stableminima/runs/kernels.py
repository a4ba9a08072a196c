"""Gradient descent compiled: two kernels that take the same steps, bit for bit.

A neuron is active on a prefix or a suffix of the sorted samples, so its pattern is one of 2n, and they lie on a circle:
0 is "all", 1…n-1 drop samples from the left, n is "none", n+1…2n-1 add samples from the left. To move to the next
pattern on the circle is to flip one sample. A table with a row for each pattern then holds all that a step asks for:
the sums of r x and r over its samples (what pulls its neurons), and the sums of w2·w1 and w2·b1 over its neurons (what
bends f). Both are filled by running sums over the samples, so a step costs O(n + k).

A neuron's pattern is certified by samples, because w·x + b in floating point is monotone in x. `general` looks at the
two samples next to its threshold. `fixed` is compiled anew for each n and k and looks at four of them in one vector
instruction; they tell a neuron that stays or moves by one place, which at the edge of stability is every sixth in
every step, without a branch. A neuron that fails its certificate is looked up again.

Sums are taken in one fixed order and no fast-math is used: the same input gives the same trajectory, bit for bit, in
either kernel and on every processor with IEEE arithmetic. Where descent is chaotic nothing less repeats.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from llvmlite import ir
from numba import literally, njit, types, uint64
from numba.extending import intrinsic

# a row of the table: the samples looked at, then the pull on w1 and b1, then the bend in slope and value
GENERAL, FIXED = 2, 4  # samples looked at

_compiled = njit(error_model="numpy", nogil=True)
_inlined = njit(error_model="numpy", nogil=True, forceinline=True)  # a call with arrays costs more than ten samples


def _lanes(context, builder, kind, array, index, count):
    """Where array[index], …, array[index + count - 1] are, as one vector: LLVM does not find these itself."""
    start = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(start, [index]), ir.VectorType(ir.DoubleType(), count).as_pointer())


def _everywhere(builder, vector, lane, count):
    """The vector with ``count`` lanes that all hold that lane of ``vector``."""
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), count), [lane] * count)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), lanes)


def _neuron(context, builder, kind, q, to):
    """Where the neuron at q[to] has its w1 and b1, as one vector, and its w2."""
    at_v = builder.add(to, ir.IntType(64)(2))
    return _lanes(context, builder, kind, q, to, 2), _lanes(context, builder, kind, q, at_v, 1)


@intrinsic
def _put(typing, table, at, first, second):
    """table[at], …, table[at + 3] = first, second, 0, 0."""
    signature = types.void(table, types.intp, types.float64, types.float64)

    def generate(context, builder, signature, arguments):
        table, at, *values = arguments
        row = ir.Constant(ir.VectorType(ir.DoubleType(), 4), [0.0] * 4)
        for lane, value in enumerate(values):
            row = builder.insert_element(row, value, ir.IntType(32)(lane))
        builder.store(row, _lanes(context, builder, signature.args[0], table, at, 4), align=8)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _move(typing, q, to, table, at):
    """Steps the neuron at q[to] by the pull of its row. Bit s is set where it is then active on sample s of the row."""
    signature = types.uint64(q, types.uint64, table, types.uint64)

    def generate(context, builder, signature, arguments):
        q, to, table, at = arguments
        index = ir.IntType(64)
        at_wb, at_v = _neuron(context, builder, signature.args[0], q, to)
        at_pull = _lanes(context, builder, signature.args[2], table, builder.add(at, index(FIXED)), 2)
        wb, v, pull = (builder.load(where, align=8) for where in (at_wb, at_v, at_pull))
        product = builder.fmul(wb, pull)
        wb = builder.fsub(wb, builder.fmul(_everywhere(builder, v, 0, 2), pull))
        total = builder.fadd(_everywhere(builder, product, 0, 1), _everywhere(builder, product, 1, 1))
        builder.store(wb, at_wb, align=8)
        builder.store(builder.fsub(v, total), at_v, align=8)
        x = builder.load(_lanes(context, builder, signature.args[2], table, at, FIXED), align=8)
        z = builder.fadd(builder.fmul(_everywhere(builder, wb, 0, FIXED), x), _everywhere(builder, wb, 1, FIXED))
        positive = builder.fcmp_ordered(">", z, ir.Constant(x.type, [0.0] * FIXED))
        return builder.zext(builder.bitcast(positive, ir.IntType(FIXED)), index)

    return signature, generate


@intrinsic
def _bend(typing, q, to, table, at):
    """Adds w2·w1 and w2·b1 of the neuron at q[to] to its row."""
    signature = types.void(q, types.uint64, table, types.uint64)

    def generate(context, builder, signature, arguments):
        q, to, table, at = arguments
        at_bend = _lanes(context, builder, signature.args[2], table, builder.add(at, ir.IntType(64)(FIXED + 2)), 2)
        places = *_neuron(context, builder, signature.args[0], q, to), at_bend
        wb, v, bend = (builder.load(where, align=8) for where in places)
        bend = builder.fadd(bend, builder.fmul(_everywhere(builder, v, 0, 2), wb))
        builder.store(bend, at_bend, align=8)
        return context.get_dummy_value()

    return signature, generate


@_compiled
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


@_compiled
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


@_compiled
def _load(theta, table, looks, x):
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


@_compiled
def _store(theta, which, q, b2):
    k = (theta.size - 1) // 3
    for m, i in enumerate(which):
        theta[i], theta[k + i], theta[2 * k + i] = q[4 * m], q[4 * m + 1], q[4 * m + 2]
    theta[3 * k] = b2


@_inlined
def _residuals(table, width, n, x, y, b2, r):
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


@_inlined
def _pulls(table, width, n, x, r, step):
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


@_inlined
def _step_size(t, loss, eta, warm_up, level, factor, switched):
    switched = switched or loss < level
    step = eta * factor if switched else eta
    if t < warm_up:
        step *= (t + 1) / warm_up
    return step, switched


@njit(cache=True, error_model="numpy", nogil=True)
def general(theta, x, y, t, limit, tolerance, eta, warm_up, level, factor, switched):
    """Steps ``theta`` in place from step t until the loss is ≤ tolerance, not finite, or t = limit.

    theta has shape (3k+1,), x and y have shape (n,), x is sorted. Returns (t, loss at theta, switched).
    """
    n, width, one = x.size, GENERAL + 4, uint64(1)
    table, expected = samples_around(x, GENERAL)
    which, q, row = _load(theta, table, GENERAL, x)
    b2, r = theta[-1], np.empty(n)
    step = _step_size(t, np.inf, eta, warm_up, level, factor, switched)[0] / n
    while True:
        loss = _residuals(table, width, n, x, y, b2, r)
        if loss <= tolerance or t >= limit or not loss < np.inf:
            break
        if t <= warm_up or (loss < level and not switched):  # seldom: no step waits for a division
            step, switched = _step_size(t, loss, eta, warm_up, level, factor, switched)
            step /= n
        b2 -= _pulls(table, width, n, x, r, step)
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
    _store(theta, which, q, b2)
    return t, loss, switched


@_compiled
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


@_compiled
def _fixed(theta, x, y, t, limit, tolerance, eta, warm_up, level, factor, switched, n, k):
    width, one = FIXED + 4, uint64(1)
    table, expected = samples_around(x, FIXED)
    next_row, unknown = _next_rows(expected), uint64(2 * n * width)
    which, q, row = _load(theta, table, FIXED, x)
    b2, r = theta[3 * k], np.empty(n)
    step = _step_size(t, np.inf, eta, warm_up, level, factor, switched)[0] / n
    while True:
        loss = _residuals(table, width, n, x, y, b2, r)
        if loss <= tolerance or t >= limit or not loss < np.inf:
            break
        if t <= warm_up or (loss < level and not switched):  # seldom: no step waits for a division
            step, switched = _step_size(t, loss, eta, warm_up, level, factor, switched)
            step /= n
        b2 -= _pulls(table, width, n, x, r, step)
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
    _store(theta, which, q, b2)
    return t, loss, switched


@cache
def _for_size(n, k):
    @njit(cache=True, error_model="numpy", nogil=True)
    def fixed(theta, x, y, t, limit, tolerance, eta, warm_up, level, factor, switched):
        size = literally(n), literally(k)
        return _fixed(theta, x, y, t, limit, tolerance, eta, warm_up, level, factor, switched, *size)

    return fixed


def fixed(theta, x, y, *rest):
    """As :func:`general`, with n and k known to the compiler: seconds for each new size, once (it is kept on disk)."""
    return _for_size(x.size, (theta.size - 1) // 3)(theta, x, y, *rest)
