"""The median over many frames at once: a sorting network of whole rows, with the bits of numpy's median."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDEST = 400
"""From this many frames on, selecting pixel by pixel is faster than a network."""
CHUNK_BYTES = 3 << 20


def median(stack: NDArray[Any]) -> NDArray[Any]:
    """Return the median over axis 0 of a floating stack (frames, pixels); a NaN makes its pixel NaN. Spoils the stack.

    An even count gives the mean of the middle two. For float32 and float64 the result equals numpy.median bit by bit.
    """
    frames, pixels = stack.shape
    if frames > WIDEST:
        return np.median(stack, axis=0, overwrite_input=True)
    out = np.empty(pixels, dtype=stack.dtype)
    step = max(1024, CHUNK_BYTES // (frames * stack.itemsize))
    for start in range(0, pixels, step):
        part = slice(start, min(start + step, pixels))
        _select(stack[:, part], out[part])
    return out


def nan_median(stack: NDArray[Any]) -> NDArray[Any]:
    """Return the median over axis 0 of what is not NaN; NaN where nothing is left. Spoils the stack."""
    with np.errstate(invalid="ignore"):
        flawed = np.flatnonzero(np.isnan(np.add.reduce(stack, axis=0)))
    rest = np.sort(stack[:, flawed], axis=0)
    out = median(stack)
    if flawed.size:
        out[flawed] = _middle(rest)
    return out


def _middle(ordered: NDArray[Any]) -> NDArray[Any]:
    """Return the median of sorted columns whose NaN stand last."""
    counts = np.count_nonzero(~np.isnan(ordered), axis=0)
    columns = np.arange(ordered.shape[1])
    low = ordered[np.maximum(counts - 1, 0) // 2, columns]
    high = ordered[np.minimum(counts // 2, len(ordered) - 1), columns]
    return np.where(counts % 2 == 1, low, (low + high) / ordered.dtype.type(2))


@cache
def network(count: int) -> tuple[tuple[int, int, bool, bool], ...]:
    """Return the comparators that bring the middle of `count` values to its place: (low, high, low kept, high kept).

    Batcher's merge exchange (Knuth 5.2.2, algorithm M), without what the middle does not depend on.
    """
    needed = {(count - 1) // 2, count // 2}
    kept: list[tuple[int, int, bool, bool]] = []
    for low, high in reversed(_merge_exchange(count)):
        if low in needed or high in needed:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(kept))


def _merge_exchange(count: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    top = 1 << max((count - 1).bit_length() - 1, 0)
    p = top if count > 1 else 0
    while p:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            q, r, d = q >> 1, p, q - p
        p >>= 1
    return pairs


def _select(stack: NDArray[Any], out: NDArray[Any]) -> None:
    wires = list(stack)
    spare = np.empty_like(out)
    for low, high, keep_low, keep_high in network(len(wires)):
        a, b = wires[low], wires[high]
        if keep_low and keep_high:
            np.minimum(a, b, out=spare)
            np.maximum(a, b, out=b)
            wires[low], spare = spare, a
        elif keep_low:
            np.minimum(a, b, out=a)
        else:
            np.maximum(a, b, out=b)
    middle = len(wires) // 2
    if len(wires) % 2:
        out[:] = wires[middle]
    else:
        np.add(wires[middle - 1], wires[middle], out=out)
        out /= out.dtype.type(2)
