"""An image as a file holds it: the science plane, the planes beside it, and the facts of its exposure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from astropy.io import fits
from astropy.time import Time

from core.errors import BadInput
from operations.framework.context import Stage
from operations.framework.outcome import Frame
from operations.science.frames.fits_open import opened
from operations.science.frames.planes import Plane, plane

MASKS = ("BPM", "MASK", "DQ")
ERRORS = ("ERR", "UNCERT", "VAR")
VARIANCES = ("VAR", "VarianceUncertainty")
SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True)
class Facts:
    """What the headers say of an exposure; None for what they do not say. Times are MJD (UTC), noise in electrons."""

    exposure: float | None = None
    start: float | None = None
    gain: float | None = None
    read_noise: float | None = None
    saturation: float | None = None
    filter: str | None = None
    date: str = ""

    @property
    def middle(self) -> float | None:
        """Return the middle of the exposure."""
        return None if self.start is None else self.start + (self.exposure or 0.0) / 2 / SECONDS_PER_DAY


@dataclass(frozen=True)
class Image:
    """One image that can be read by rows; the mask is bad where it is not 0, the error a variance if so said.

    Of an image with `corner` (row and column) and `size` only that part counts. One that is not `lit` has no counts
    from electrons, and so no noise but that of reading it.
    """

    frame: Frame
    science: Plane
    facts: Facts
    mask: Plane | None = None
    error: Plane | None = None
    error_is_variance: bool = False
    corner: tuple[int, int] = (0, 0)
    size: tuple[int, int] | None = None
    lit: bool = True

    @property
    def basename(self) -> str:
        """Return what the file is called."""
        return self.frame.basename

    @property
    def shape(self) -> tuple[int, int]:
        """Return height and width of what counts."""
        return self.size or self.science.shape

    @property
    def noisy(self) -> bool:
        """Say whether the uncertainty of a pixel is known, from a plane or from gain and read noise."""
        return self.error is not None or (self.facts.gain is not None and self.facts.read_noise is not None)


def look(frame: Frame) -> Image:
    """Read what the headers of a file say about its image: the extension SCI, or else the first image."""
    with opened(frame.path, frame.basename) as file:
        index = _science(file, frame.basename)
        science = plane(file[index], index, frame.path, frame.basename)
        mask, error = _beside(file, MASKS, science), _beside(file, ERRORS, science)
        facts = _facts([file[index].header, file[0].header])
        kind = file[error.index].header if error else {}
    is_variance = kind.get("EXTNAME") == "VAR" or kind.get("UTYPE") in VARIANCES
    return Image(frame, science, facts, mask, error, is_variance)


def look_at(frames: Sequence[Frame], stage: Stage) -> list[Image]:
    """Look at many files, told and stopped between them."""
    images = []
    for at, frame in enumerate(frames):
        stage.report(at / len(frames), frame.basename)
        images.append(look(frame))
    return images


def header_of(image: Image) -> fits.Header:
    """Return the header of the science plane, with the cards of the primary header that it lacks behind them."""
    with opened(image.frame.path, image.frame.basename) as file:
        header = file[image.science.index].header.copy()
        header.extend(file[0].header, unique=True, strip=True)
    return header


def same_shape(images: Sequence[Image]) -> tuple[int, int]:
    """Return the shape that all images have in their lower left corner: the least height and width."""
    return min(image.shape[0] for image in images), min(image.shape[1] for image in images)


def _science(file: fits.HDUList, basename: str) -> int:
    images = [at for at, hdu in enumerate(file) if _is_image(hdu)]
    named = [at for at in images if file[at].name == "SCI"]
    if not images:
        raise BadInput(f"{basename} holds no image that can be read; leave it out.")
    return (named or images)[0]


def _is_image(hdu: Any) -> bool:
    kinds = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU
    return isinstance(hdu, kinds) and bool(hdu.shape) and len(hdu.shape) >= 2


def _beside(file: fits.HDUList, names: tuple[str, ...], science: Plane) -> Plane | None:
    for at, hdu in enumerate(file):
        if hdu.name in names and at != science.index and _is_image(hdu) and hdu.shape[-2:] == science.shape:
            return plane(hdu, at, science.path, science.basename)
    return None


def _facts(headers: Sequence[Mapping[str, Any]]) -> Facts:
    return Facts(
        exposure=number(headers, "EXPTIME", "EXPOSURE"),
        start=start(headers),
        gain=_positive(number(headers, "GAIN", "EGAIN")),
        read_noise=number(headers, "RDNOISE", "READNOIS", "READNOISE"),
        saturation=number(headers, "SATURATE"),
        filter=text(headers, "FILTER"),
        date=text(headers, "DATE-OBS") or "",
    )


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def number(headers: Sequence[Mapping[str, Any]], *names: str) -> float | None:
    """Return the first number that a header has under one of the names."""
    for name in names:
        for header in headers:
            value = header.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
    return None


def text(headers: Sequence[Mapping[str, Any]], name: str) -> str | None:
    """Return the first text that a header has under the name."""
    found = [str(header[name]).strip() for header in headers if isinstance(header.get(name), str)]
    return found[0] if found else None


def start(headers: Sequence[Mapping[str, Any]]) -> float | None:
    """Return when the exposure began, as MJD (UTC): MJD-OBS, or DATE-OBS with its time of day."""
    if (mjd := number(headers, "MJD-OBS")) is not None:
        return mjd
    said = text(headers, "DATE-OBS")
    if said is None or "T" not in said:
        return None
    try:
        return float(Time(said, scale="utc").mjd)
    except ValueError:
        return None
