#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints what NumPy makes of a small layer by the formulas of PTQ-ViT (Liu et al. 2021): the numbers
in tests/unit/test_compress_similarity.c. Weights and inputs come from the generator written out here and
there. Needs Debian's python3-numpy."""
import numpy as np

N_OUT, N_IN, TOKENS = 6, 8, 12


def numbers(seed, count):
    """Values in -1 .. 1 of a 32-bit linear congruential generator."""
    state, out = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append((state >> 8) / 2**23 - 1)
    return np.array(out)


def quantize(x, step, bits):
    half = 2 ** (bits - 1)
    low = 1 - half if bits == 8 else -half
    return step * np.clip(np.rint(x / step), low, half - 1)


w = numbers(1, N_OUT * N_IN).reshape(N_OUT, N_IN)
x = numbers(2, N_IN * TOKENS).reshape(N_IN, TOKENS)
o = w @ x
for bits in (4, 6, 8):
    high = 2 ** (bits - 1) - 1
    quantized = quantize(w, np.abs(w).max() / high, bits) @ quantize(x, 0.8 * np.abs(x).max() / high, bits)
    print(bits, "pearson %.6f" % np.corrcoef(o.ravel(), quantized.ravel())[0, 1],
          "gain %.6f" % ((quantized * o).sum() / (o * o).sum()))

# Ranking of the first row of outputs with coarse steps, theta 0.2, and Kendall's tau.
quantized = quantize(w, 0.5, 4) @ quantize(x, 0.5, 4)
loss = order = pairs = 0
for i in range(TOKENS):
    for j in range(i + 1, TOKENS):
        kept = (quantized[0, i] - quantized[0, j]) * np.sign(o[0, i] - o[0, j])
        loss += max(0, 0.2 - kept)
        order += np.sign(kept)
        pairs += 1
print("ranking %.6f tau %.6f" % (loss / pairs, order / pairs))
print("deviation %.6f" % o[0].std())
print("nuclear %.6f" % np.linalg.norm(x, "nuc"))
print("eigenvalues", " ".join("%.6f" % v for v in np.linalg.eigvalsh(x @ x.T)))
