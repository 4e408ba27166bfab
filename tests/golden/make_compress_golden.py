#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints what NumPy makes of a small layer by error-compensated rounding (GPTQ as published, through
the inverse of H, column by column): the numbers in tests/unit/test_compress_round.c. Inputs come
from the generator written out here and there. Needs Debian's python3-numpy."""
import numpy as np

N, TOKENS, ROWS = 8, 40, 3


def numbers(seed, count):
    """Values in -1 .. 1 of a 32-bit linear congruential generator."""
    state, out = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append((state >> 8) / 2**23 - 1)
    return np.array(out)


def round_row(w, h, levels, damping):
    """The chosen levels, in the order of columns of falling diagonal, and the error."""
    order = sorted(range(N), key=lambda i: (-h[i, i], i))
    h = h + np.eye(N) * damping * np.mean(np.diag(h))
    h, w = h[np.ix_(order, order)], w[order].copy()
    target, chosen = w.copy(), []
    inverse = np.linalg.inv(h)
    for j in range(N):
        chosen.append(int(np.argmin(np.abs(levels - w[j]))))
        miss = (w[j] - levels[chosen[j]]) / inverse[j, j]
        w -= miss * inverse[:, j]
        # Column j is settled: the inverse of what is left of H.
        inverse -= np.outer(inverse[:, j], inverse[j]) / inverse[j, j]
    d = target - levels[chosen]
    return chosen, d @ h @ d


x = numbers(1, TOKENS * N).reshape(TOKENS, N)
x[:, 1] += 0.8 * x[:, 0]
x[:, 5] += 0.9 * x[:, 2] - 0.5 * x[:, 1]
x[:, 7] *= 2
h = x.T @ x
levels = np.array([-0.9, -0.6, -0.3, 0, 0.3, 0.6, 0.9])
for row in range(ROWS):
    chosen, error = round_row(numbers(100 + row, N), h, levels, 0.05)
    print("{" + ", ".join(map(str, chosen)) + "}", "%.6f" % error)

# The baselines: of one output of 24 weights the levels' indices, lowest first.
PLAIN = 24


def plain(w, largest, high):
    """Uniform levels -high .. high whose last is `largest`."""
    step = largest / high
    return np.clip(np.rint(w / step), -high, high).astype(int) + high


w = numbers(7, PLAIN) ** 3
magnitudes = np.sort(np.abs(w))
for name, largest in (("largest", magnitudes[-1]), ("percentile", magnitudes[(PLAIN - 1) * 999 // 1000])):
    for high in (127, 1, 4, 13):
        print(name, high, "{" + ", ".join(map(str, plain(w, largest, high))) + "}")
# The best ternary row: with the k largest magnitudes at +-s, s is their mean and (sum)^2 / k is gained.
gains = [magnitudes[-k:].sum() ** 2 / k for k in range(1, PLAIN + 1)]
k = int(np.argmax(gains)) + 1
print("ternary", k, "scale %.6f error %.6f" % (magnitudes[-k:].mean(), (w**2).sum() - max(gains)))
