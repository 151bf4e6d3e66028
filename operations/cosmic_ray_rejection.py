"""Cosmic Ray Rejection: detects cosmic rays in single frames by their sharp edges, replaces and flags them."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import astroscrappy
import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework import estimates, script_parts
from operations.framework.common_inputs import STORAGE
from operations.framework.context import OperationContext, SubProgress
from operations.framework.inputs import FilesInput, FloatInput, IntInput, SelectInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import JSON, Estimate, OperationOutcome, RunInputs
from operations.framework.output_files import make_result_per_image
from operations.science.combination.stacks import read_good, read_variance, working_dtype
from operations.science.frames.bands import Band, for_each_band
from operations.science.frames.images import Image, open_images, read_header
from operations.science.frames.planes import PlaneReader
from operations.science.frames.product import Product
from operations.science.scripts.cosmic_rays import FUNCTIONS

REPLACE, FLAG = "replace", "flag"
MARGIN_ROWS_PER_ROUND = 16
"""The number of rows on each side that a result can depend on, per round."""
MAX_BAND_PIXELS = 150_000


class CosmicRayRejection(BaseDataOperation):
    """L.A.Cosmic (van Dokkum 2001) by astroscrappy, on bands of rows with a margin of neighbouring rows.

    Hits are replaced by the mean of the good pixels around them and flagged in the plane BPM, so that stacks leave them
    out. The noise comes from the uncertainty plane, else from gain and read noise of the inputs or the header.
    """

    name = "Cosmic Ray Rejection"
    version = 2
    description = "Detects cosmic-ray hits in every frame by their sharp edges, replaces and flags them."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to clean, in counts including the sky."),
        "sigclip": FloatInput(
            name="Limit",
            description="The least significance of a hit above the noise.",
            default=4.5,
            minimum=1,
            maximum=100,
            unit="sigma",
        ),
        "sigfrac": FloatInput(
            name="Limit of Neighbours",
            description="The fraction of the limit that applies to the neighbours of a hit.",
            default=0.3,
            minimum=0,
            maximum=1,
        ),
        "objlim": FloatInput(
            name="Contrast",
            description="How much sharper than a star a hit must be; raise it if cores of stars are flagged.",
            default=5.0,
            minimum=0.1,
            maximum=1000,
        ),
        "rounds": IntInput(
            name="Rounds", description="The maximum number of iterations.", default=4, minimum=1, maximum=10
        ),
        "gain": FloatInput(
            name="Gain",
            description="The gain, if it is not the one in the header.",
            minimum=0.001,
            maximum=1000,
            unit="electron/count",
        ),
        "read_noise": FloatInput(
            name="Read Noise",
            description="The read noise, if it is not the one in the header.",
            minimum=0,
            maximum=1000,
            unit="electron",
        ),
        "repair": SelectInput(
            name="Repair",
            description="replace puts the mean of the surrounding good pixels in place of a hit, flag only marks it.",
            options=(REPLACE, FLAG),
            default=REPLACE,
        ),
        "storage": STORAGE,
    }

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Clean one frame at a time."""
        images = open_images(inputs.frames("input_files"), SubProgress(context, "opening", 0.0, 0.05))
        hit_pixels: dict[str, int] = {}
        make = partial(clean_image, inputs, hit_pixels)
        outcome = make_result_per_image(images, make, type(self), inputs, context, "cleaning", 0.05)
        rows: list[JSON] = [{"basename": name, "hit_pixels": pixels} for name, pixels in hit_pixels.items()]
        return OperationOutcome(outcome.outputs, {"frames": rows})

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for cleaning one frame at a time."""
        return estimates.for_cosmic_rays(inputs.frames("input_files"))

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy, astropy and astroscrappy."""
        files = inputs.frames("input_files")
        detector = {key: inputs.values.get(key) for key in ("gain", "read_noise")}
        limits = {key: inputs.number(key) for key in ("sigclip", "sigfrac", "objlim")}
        result = "np.where(hits, cleaned, frame)" if inputs.text("repair") == REPLACE else "frame"
        steps = f"""
            for index, path in enumerate(FILES):
                frame = read(path)
                hits, cleaned = clean(path, frame, **{detector}, **{limits}, niter={int(inputs.number("rounds"))})
                save({result}, {stem!r}, index)
            """
        title = f"Removes cosmic rays from {len(files)} frames."
        return script_parts.build_script(title, {"FILES": files}, steps, FUNCTIONS, "import astroscrappy\n")


@dataclass(frozen=True)
class Detector:
    """The gain, read noise and saturation limit of a frame, in electrons."""

    gain: float
    read_noise: float
    saturation: float

    @classmethod
    def of(cls, image: Image, inputs: RunInputs) -> "Detector":
        """Return the values of the inputs, else of the header; BadInput if the noise is in neither."""
        gain = inputs.number("gain", image.metadata.gain or 0.0)
        noise = inputs.number("read_noise", np.nan if image.metadata.read_noise is None else image.metadata.read_noise)
        if image.error is None and (not gain or np.isnan(noise)):
            missing = "gain (GAIN)" if not gain else "read noise (RDNOISE)"
            raise BadInput(f"The header of {image.basename} has no {missing}. Set it in the inputs of the operation.")
        limit = np.inf if image.metadata.saturation is None else image.metadata.saturation * (gain or 1.0)
        return cls(gain or 1.0, 0.0 if np.isnan(noise) else noise, limit)


def clean_image(inputs: RunInputs, hit_pixels: dict[str, int], image: Image, progress: SubProgress) -> Product:
    """Return an image without its hits, which are flagged, and record their number in `hit_pixels`."""
    detector = Detector.of(image, inputs)
    height, width = image.shape
    pixels = np.empty(image.shape, working_dtype([image]))
    hits = np.zeros(image.shape, dtype=bool)
    error = np.empty_like(pixels) if image.has_uncertainty else None
    margin = MARGIN_ROWS_PER_ROUND * int(inputs.number("rounds"))

    def task(band: Band) -> None:
        # Each round spreads the influence of a pixel, so a band is read with a margin and cut afterwards.
        wide = Band(max(0, band.start - margin), min(height, band.stop + margin))
        inside = slice(band.start - wide.start, band.stop - wide.start)
        rows = read_good(reader, image, wide, width, pixels.dtype)
        variance = read_variance(reader, image, wide, width, rows) if image.has_uncertainty else None
        mask, clean = detect(rows, None if image.error is None else variance, detector, inputs)
        replaced = np.where(mask, clean, rows) if inputs.text("repair") == REPLACE else rows
        pixels[band.rows], hits[band.rows] = replaced[inside], mask[inside]
        if error is not None and variance is not None:
            error[band.rows] = np.sqrt(variance[inside])

    rows = max(1, MAX_BAND_PIXELS // width)
    with PlaneReader() as reader:
        for_each_band([Band(at, min(at + rows, height)) for at in range(0, height, rows)], task, progress)
    hit_pixels[image.basename] = int(np.count_nonzero(hits))
    header = read_header(image)
    header["CRPIXELS"] = (hit_pixels[image.basename], "pixels hit by cosmic rays, flagged in BPM")
    return Product(pixels, header, error, hits | np.isnan(pixels))


def detect(
    rows: NDArray[Any], variance: NDArray[Any] | None, detector: Detector, inputs: RunInputs
) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Return a mask of the hits, and the rows without hits; pixels that are already bad are ignored."""
    bad = np.isnan(rows)
    mask, clean = astroscrappy.detect_cosmics(
        np.where(bad, 0, rows).astype("f4"),
        inmask=bad,
        invar=None if variance is None else np.where(bad, 1, variance).astype("f4"),
        sigclip=inputs.number("sigclip"),
        sigfrac=inputs.number("sigfrac"),
        objlim=inputs.number("objlim"),
        gain=detector.gain,
        readnoise=detector.read_noise,
        satlevel=detector.saturation,
        niter=int(inputs.number("rounds")),
    )
    return mask & ~bad, clean
