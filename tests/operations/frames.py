"""Test frames: writes them as files and runs operations on them as the data domain does."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from operations.framework.context import LocalContext
from operations.framework.outcome import Frame, OperationOutcome, Output, OutputKind, RunInputs
from operations.framework.registry import find
from operations.framework.runner import build_run_inputs, run
from operations.framework.validation import validate


@dataclass
class OperationHarness:
    """A folder of frames, and runs of operations on them from raw inputs."""

    folder: Path

    def save(self, name: str, pixels: Any, *more: Any, compress: bool = False, **cards: Any) -> dict[str, Any]:
        """Write a frame with SCI (and further HDUs) and return its item."""
        header = fits.Header({name.replace("DATE_", "DATE-"): value for name, value in cards.items()})
        pixels = np.asarray(pixels)
        if compress:
            science = fits.CompImageHDU(pixels, header, name="SCI", compression_type="GZIP_2", quantize_level=0)
        else:
            science = fits.ImageHDU(pixels, header, name="SCI")
        fits.HDUList([fits.PrimaryHDU(), science, *more]).writeto(self.folder / name)
        return {"source": "upload", "basename": name}

    def inputs(self, name: str, raw: Mapping[str, Any]) -> RunInputs:
        """Return the inputs of an operation as it receives them."""
        return build_run_inputs(find(name), validate(find(name), raw), self.frame)

    def frame(self, item: Mapping[str, Any]) -> Frame:
        """Return the file of an item."""
        path = self.folder / item["basename"]
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
        return Frame(path, item["basename"], item["source"], sha256, dict(item))

    def run(self, name: str, raw: Mapping[str, Any], context: LocalContext | None = None) -> OperationOutcome:
        """Run an operation to its end."""
        return run(name, find(name).version, self.inputs(name, raw), context or self.context())

    def context(self) -> LocalContext:
        """Return a context with a fresh scratch folder."""
        scratch = self.folder / f"scratch-{len(list(self.folder.glob('scratch-*')))}"
        scratch.mkdir()
        return LocalContext(scratch)


def one(outcome: OperationOutcome, kind: OutputKind = OutputKind.FITS, index: int | None = None) -> Output:
    """Return the one output of that kind and index."""
    [output] = [output for output in outcome.outputs if output.kind is kind and output.index == index]
    return output


def pixels(outcome: OperationOutcome, index: int | None = None, name: str = "SCI") -> NDArray[Any]:
    """Return a plane of a result."""
    data: NDArray[Any] = fits.getdata(one(outcome, index=index).path, name)
    return data


def header(outcome: OperationOutcome, index: int | None = None, name: str = "SCI") -> fits.Header:
    """Return a header of a result."""
    return fits.getheader(one(outcome, index=index).path, name)


def noise(shape: tuple[int, int], seed: int = 1, level: float = 1000, sigma: float = 10) -> NDArray[np.float32]:
    """Return a frame of noise."""
    return np.random.default_rng(seed).normal(level, sigma, shape).astype("f4")


def cropped(frames: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return arrays cut to their common lower left corner."""
    height, width = (min(frame.shape[axis] for frame in frames) for axis in (0, 1))
    return [frame[:height, :width] for frame in frames]
