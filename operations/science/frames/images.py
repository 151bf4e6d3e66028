"""Images of FITS files: the science plane, its mask and uncertainty planes, and the metadata of the exposure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from astropy.io import fits
from astropy.time import Time

from core.errors import BadInput
from operations.framework.context import SubProgress
from operations.framework.outcome import Frame
from operations.science.frames.fits_open import open_fits
from operations.science.frames.planes import Plane, describe_plane

MASKS = ("BPM", "MASK", "DQ")
ERRORS = ("ERR", "UNCERT", "VAR")
VARIANCES = ("VAR", "VarianceUncertainty")
SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True)
class ExposureMetadata:
    """The metadata of an exposure, None for missing values. Times are MJD (UTC), read noise is in electrons."""

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
    """One image that can be read by rows. Pixels are bad where the mask is not 0.

    `error` is a variance if `error_is_variance`. `corner` (row and column) and `size` restrict the image to a part. An
    image without `has_photon_noise` has read noise only.
    """

    frame: Frame
    science: Plane
    metadata: ExposureMetadata
    mask: Plane | None = None
    error: Plane | None = None
    error_is_variance: bool = False
    corner: tuple[int, int] = (0, 0)
    size: tuple[int, int] | None = None
    has_photon_noise: bool = True

    @property
    def basename(self) -> str:
        """Return the name of the file."""
        return self.frame.basename

    @property
    def shape(self) -> tuple[int, int]:
        """Return the height and width of the used part."""
        return self.size or self.science.shape

    @property
    def has_uncertainty(self) -> bool:
        """Return whether the uncertainty of a pixel is known, from a plane or from gain and read noise."""
        return self.error is not None or (self.metadata.gain is not None and self.metadata.read_noise is not None)


def open_image(frame: Frame) -> Image:
    """Read the headers of a file and describe its image: the extension SCI, else the first image."""
    with open_fits(frame.path, frame.basename) as file:
        index = _science_index(file, frame.basename)
        science = describe_plane(file[index], index, frame.path, frame.basename)
        mask, error = _find_companion(file, MASKS, science), _find_companion(file, ERRORS, science)
        facts = _read_metadata([file[index].header, file[0].header])
        error_header = file[error.index].header if error else {}
    is_variance = error_header.get("EXTNAME") == "VAR" or error_header.get("UTYPE") in VARIANCES
    return Image(frame, science, facts, mask, error, is_variance)


def open_images(frames: Sequence[Frame], progress: SubProgress) -> list[Image]:
    """Open the images of many files, with a progress report and a checkpoint before each."""
    images = []
    for at, frame in enumerate(frames):
        progress.report(at / len(frames), frame.basename)
        images.append(open_image(frame))
    return images


def read_header(image: Image) -> fits.Header:
    """Return the header of the science plane, followed by the cards that only the primary header has."""
    with open_fits(image.frame.path, image.frame.basename) as file:
        header = file[image.science.index].header.copy()
        header.extend(file[0].header, unique=True, strip=True)
    return header


def common_shape(images: Sequence[Image]) -> tuple[int, int]:
    """Return the common shape of all images: the least height and the least width."""
    return min(image.shape[0] for image in images), min(image.shape[1] for image in images)


def _science_index(file: fits.HDUList, basename: str) -> int:
    images = [at for at, hdu in enumerate(file) if _is_image(hdu)]
    science = [at for at in images if file[at].name == "SCI"]
    if not images:
        raise BadInput(f"{basename} contains no readable image. Leave the file out.")
    return (science or images)[0]


def _is_image(hdu: Any) -> bool:
    kinds = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU
    return isinstance(hdu, kinds) and bool(hdu.shape) and len(hdu.shape) >= 2


def _find_companion(file: fits.HDUList, names: tuple[str, ...], science: Plane) -> Plane | None:
    for at, hdu in enumerate(file):
        if hdu.name in names and at != science.index and _is_image(hdu) and hdu.shape[-2:] == science.shape:
            return describe_plane(hdu, at, science.path, science.basename)
    return None


def _read_metadata(headers: Sequence[Mapping[str, Any]]) -> ExposureMetadata:
    return ExposureMetadata(
        exposure=header_number(headers, "EXPTIME", "EXPOSURE"),
        start=exposure_start(headers),
        gain=_positive(header_number(headers, "GAIN", "EGAIN")),
        read_noise=header_number(headers, "RDNOISE", "READNOIS", "READNOISE"),
        saturation=header_number(headers, "SATURATE"),
        filter=header_text(headers, "FILTER"),
        date=header_text(headers, "DATE-OBS") or "",
    )


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def header_number(headers: Sequence[Mapping[str, Any]], *names: str) -> float | None:
    """Return the first number of the cards with these names, in the order of the names."""
    for name in names:
        for header in headers:
            value = header.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
    return None


def header_text(headers: Sequence[Mapping[str, Any]], name: str) -> str | None:
    """Return the first text of the cards with this name."""
    found = [str(header[name]).strip() for header in headers if isinstance(header.get(name), str)]
    return found[0] if found else None


def exposure_start(headers: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the start of the exposure as MJD (UTC): MJD-OBS, else DATE-OBS if it has a time of day."""
    if (mjd := header_number(headers, "MJD-OBS")) is not None:
        return mjd
    date = header_text(headers, "DATE-OBS")
    if date is None or "T" not in date:
        return None
    try:
        return float(Time(date, scale="utc").mjd)
    except ValueError:
        return None
