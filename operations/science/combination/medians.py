"""The median over many frames: a sorting network on whole rows, bit-identical to numpy's median."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_NETWORK_FRAMES = 400
"""Above this number of frames, numpy's selection per pixel is faster than a network."""
CHUNK_BYTES = 3 << 20


def median(stack: NDArray[Any]) -> NDArray[Any]:
    """Return the median over axis 0 of a floating stack (frames, pixels); a NaN makes its pixel NaN.

    The stack is overwritten. An even count gives the mean of the middle two. For float32 and float64 the result equals
    numpy.median bit by bit.
    """
    frames, pixels = stack.shape
    if frames > MAX_NETWORK_FRAMES:
        return np.median(stack, axis=0, overwrite_input=True)
    out = np.empty(pixels, dtype=stack.dtype)
    step = max(1024, CHUNK_BYTES // (frames * stack.itemsize))
    for start in range(0, pixels, step):
        part = slice(start, min(start + step, pixels))
        _apply_network(stack[:, part], out[part])
    return out


def nan_median(stack: NDArray[Any]) -> NDArray[Any]:
    """Return the median over axis 0 of the values that are not NaN; NaN if there are none. The stack is overwritten."""
    # A sum is NaN if any value is; this test is faster than np.isnan on the whole stack.
    with np.errstate(invalid="ignore"):
        with_nan = np.flatnonzero(np.isnan(np.add.reduce(stack, axis=0)))
    ordered = np.sort(stack[:, with_nan], axis=0)
    out = median(stack)
    if with_nan.size:
        out[with_nan] = _median_of_sorted(ordered)
    return out


def _median_of_sorted(ordered: NDArray[Any]) -> NDArray[Any]:
    # numpy sorts NaN to the end.
    counts = np.count_nonzero(~np.isnan(ordered), axis=0)
    columns = np.arange(ordered.shape[1])
    low = ordered[np.maximum(counts - 1, 0) // 2, columns]
    high = ordered[np.minimum(counts // 2, len(ordered) - 1), columns]
    return np.where(counts % 2 == 1, low, (low + high) / ordered.dtype.type(2))


@cache
def network(count: int) -> tuple[tuple[int, int, bool, bool], ...]:
    """Return the comparators that move the median of `count` values into place: (low, high, needs low, needs high).

    Batcher's merge exchange (Knuth 5.2.2, algorithm M), without the comparators that the median does not depend on.
    """
    needed = {(count - 1) // 2, count // 2}
    comparators: list[tuple[int, int, bool, bool]] = []
    for low, high in reversed(_merge_exchange(count)):
        if low in needed or high in needed:
            comparators.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(comparators))


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


def _apply_network(stack: NDArray[Any], out: NDArray[Any]) -> None:
    wires = list(stack)
    spare = np.empty_like(out)
    for low, high, needs_low, needs_high in network(len(wires)):
        a, b = wires[low], wires[high]
        if needs_low and needs_high:
            np.minimum(a, b, out=spare)
            np.maximum(a, b, out=b)
            wires[low], spare = spare, a
        elif needs_low:
            np.minimum(a, b, out=a)
        else:
            np.maximum(a, b, out=b)
    middle = len(wires) // 2
    if len(wires) % 2:
        out[:] = wires[middle]
    else:
        np.add(wires[middle - 1], wires[middle], out=out)
        out /= out.dtype.type(2)
