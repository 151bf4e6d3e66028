"""Cosmic Ray Rejection: hits found in single frames by their sharp edges, replaced and flagged."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import astroscrappy
import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from operations.framework import estimates, script_parts
from operations.framework.common_inputs import STORAGE
from operations.framework.context import Stage, Work
from operations.framework.inputs import FilesInput, FloatInput, IntInput, SelectInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import JSON, Estimate, Given, Outcome
from operations.framework.output_files import deliver_each
from operations.science.combination.stacks import read_good, read_variance, working_type
from operations.science.frames.bands import Band, each_band
from operations.science.frames.images import Image, header_of, look_at
from operations.science.frames.planes import Reader
from operations.science.frames.product import Product
from operations.science.scripts.cosmic_rays import SCRIPT

REPLACE, FLAG = "replace", "flag"
REACH = 16
"""How many rows a result can depend on beside its own, in each round."""
BAND_PIXELS = 150_000


class CosmicRayRejection(BaseDataOperation):
    """The method L.A.Cosmic (van Dokkum 2001), as astroscrappy has it, on bands of rows with the rows beside them.

    Hits are replaced by the mean of the good pixels around, and stand in the plane BPM: a stack leaves them out.
    Noise comes from the plane of uncertainties, else from gain and read noise: of the header, unless they are given.
    """

    name = "Cosmic Ray Rejection"
    version = 2
    description = "Cosmic-ray hits found in every frame by their sharp edges, replaced and flagged."
    inputs = {
        "input_files": FilesInput(name="Input Files", description="The frames to clean, in counts with their sky."),
        "sigclip": FloatInput(
            name="Limit",
            description="How far a hit stands out of the noise.",
            default=4.5,
            minimum=1,
            maximum=100,
            unit="sigma",
        ),
        "sigfrac": FloatInput(
            name="Limit of Neighbours",
            description="The part of the limit that is enough beside a hit.",
            default=0.3,
            minimum=0,
            maximum=1,
        ),
        "objlim": FloatInput(
            name="Contrast",
            description="How much sharper than a star a hit is; raise it when the cores of stars are taken.",
            default=5.0,
            minimum=0.1,
            maximum=1000,
        ),
        "rounds": IntInput(
            name="Rounds", description="How often hits are searched at most.", default=4, minimum=1, maximum=10
        ),
        "gain": FloatInput(
            name="Gain",
            description="Instead of the header's.",
            minimum=0.001,
            maximum=1000,
            unit="electron/count",
        ),
        "read_noise": FloatInput(
            name="Read Noise", description="Instead of the header's.", minimum=0, maximum=1000, unit="electron"
        ),
        "repair": SelectInput(
            name="Repair",
            description="replace puts the mean of the good pixels around in the place of a hit, flag only marks it.",
            options=(REPLACE, FLAG),
            default=REPLACE,
        ),
        "storage": STORAGE,
    }

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Clean one frame after the other."""
        images = look_at(inputs.frames("input_files"), Stage(work, "looking", 0.0, 0.05))
        found: dict[str, int] = {}
        make = partial(cleaned, inputs, found)
        outcome = deliver_each(images, make, type(self), inputs, work, "cleaning", 0.05)
        rows: list[JSON] = [{"basename": name, "hit_pixels": pixels} for name, pixels in found.items()]
        return Outcome(outcome.outputs, {"frames": rows})

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to clean one frame at a time."""
        return estimates.cleaning(inputs.frames("input_files"))

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy, astropy and astroscrappy."""
        files = inputs.frames("input_files")
        given = {key: inputs.values.get(key) for key in ("gain", "read_noise")}
        limits = {key: inputs.number(key) for key in ("sigclip", "sigfrac", "objlim")}
        kept = "np.where(hits, cleaned, frame)" if inputs.text("repair") == REPLACE else "frame"
        steps = f"""
            for index, path in enumerate(FILES):
                frame = read(path)
                hits, cleaned = clean(path, frame, **{given}, **{limits}, niter={int(inputs.number("rounds"))})
                save({kept}, {stem!r}, index)
            """
        title = f"Cosmic rays taken out of {len(files)} frames."
        return script_parts.script(title, {"FILES": files}, steps, SCRIPT, "import astroscrappy\n")


@dataclass(frozen=True)
class Detector:
    """What is known of the noise and the limit of a frame, in electrons."""

    gain: float
    read_noise: float
    saturation: float

    @classmethod
    def of(cls, image: Image, given: Given) -> "Detector":
        """Return what was given, else what the header says; BadInput when neither tells the noise."""
        gain = given.number("gain", image.facts.gain or 0.0)
        noise = given.number("read_noise", np.nan if image.facts.read_noise is None else image.facts.read_noise)
        if image.error is None and (not gain or np.isnan(noise)):
            missing = "gain (GAIN)" if not gain else "read noise (RDNOISE)"
            raise BadInput(f"{image.basename} does not tell its {missing}; give it beside the files.")
        limit = np.inf if image.facts.saturation is None else image.facts.saturation * (gain or 1.0)
        return cls(gain or 1.0, 0.0 if np.isnan(noise) else noise, limit)


def cleaned(given: Given, found: dict[str, int], image: Image, stage: Stage) -> Product:
    """Return an image without its hits, which are flagged; `found` is told how many pixels they are."""
    detector = Detector.of(image, given)
    height, width = image.shape
    pixels = np.empty(image.shape, working_type([image]))
    hits = np.zeros(image.shape, dtype=bool)
    error = np.empty_like(pixels) if image.noisy else None
    margin = REACH * int(given.number("rounds"))

    def task(band: Band) -> None:
        wide = Band(max(0, band.start - margin), min(height, band.stop + margin))
        inside = slice(band.start - wide.start, band.stop - wide.start)
        rows = read_good(reader, image, wide, width, pixels.dtype)
        variance = read_variance(reader, image, wide, width, rows) if image.noisy else None
        mask, clean = detect(rows, None if image.error is None else variance, detector, given)
        replaced = np.where(mask, clean, rows) if given.text("repair") == REPLACE else rows
        pixels[band.rows], hits[band.rows] = replaced[inside], mask[inside]
        if error is not None and variance is not None:
            error[band.rows] = np.sqrt(variance[inside])

    rows = max(1, BAND_PIXELS // width)
    with Reader() as reader:
        each_band([Band(at, min(at + rows, height)) for at in range(0, height, rows)], task, stage)
    found[image.basename] = int(np.count_nonzero(hits))
    header = header_of(image)
    header["CRPIXELS"] = (found[image.basename], "pixels hit by cosmic rays, flagged in BPM")
    return Product(pixels, header, error, hits | np.isnan(pixels))


def detect(
    rows: NDArray[Any], variance: NDArray[Any] | None, detector: Detector, given: Given
) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Return which pixels are hit, and the rows without hits; a pixel that is bad already is neither seen nor used."""
    bad = np.isnan(rows)
    mask, clean = astroscrappy.detect_cosmics(
        np.where(bad, 0, rows).astype("f4"),
        inmask=bad,
        invar=None if variance is None else np.where(bad, 1, variance).astype("f4"),
        sigclip=given.number("sigclip"),
        sigfrac=given.number("sigfrac"),
        objlim=given.number("objlim"),
        gain=detector.gain,
        readnoise=detector.read_noise,
        satlevel=detector.saturation,
        niter=int(given.number("rounds")),
    )
    return mask & ~bad, clean
