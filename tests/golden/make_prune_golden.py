#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints what NumPy makes of pruning a small layer: for each number of inputs that went, which one it
was, what that cost, and at the end the weights by least squares over the inputs that are left, solved
anew from the data; alone and in pairs. The numbers in tests/unit/test_compress_prune.c. Inputs come
from the generator written out here and there. Needs Debian's python3-numpy."""
import numpy as np

N, TOKENS, OUTPUTS, GO = 8, 40, 3, 4


def numbers(seed, count):
    """Values in -1 .. 1 of a 32-bit linear congruential generator."""
    state, out = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append((state >> 8) / 2**23 - 1)
    return np.array(out)


def fit(x, y, left):
    """Least-squares weights over the inputs `left`, zeros elsewhere, and the error."""
    w = np.zeros((OUTPUTS, N))
    w[:, left] = np.linalg.lstsq(x[:, left], y, rcond=None)[0].T
    return w, ((y - x @ w.T) ** 2).sum()


x = numbers(1, TOKENS * N).reshape(TOKENS, N)
x[:, 1] += 0.8 * x[:, 0]
x[:, 5] += 0.9 * x[:, 2] - 0.5 * x[:, 1]
x[:, 7] *= 2
y = x @ numbers(100, OUTPUTS * N).reshape(OUTPUTS, N).T + 0.1 * numbers(200, TOKENS * OUTPUTS).reshape(TOKENS, OUTPUTS)
for size in (1, 2):
    groups = [list(range(g * size, (g + 1) * size)) for g in range(N // size)]
    left = list(range(len(groups)))
    for _ in range(GO // size):
        inputs = [i for g in left for i in groups[g]]
        _, error = fit(x, y, inputs)
        costs = {g: fit(x, y, [i for i in inputs if i not in groups[g]])[1] - error for g in left}
        gone = min(left, key=lambda g: costs[g])
        print(f"group {gone} costs {costs[gone]:.6f}")
        left.remove(gone)
    w, _ = fit(x, y, [i for g in left for i in groups[g]])
    for row in w:
        print("{" + ", ".join(f"{v:.6f}" for v in row) + "},")
