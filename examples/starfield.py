"""Simulates a series of frames of one star field, like the output of a telescope's pipeline, from a seed.

Each frame is a FITS file with a science plane (SCI), a catalogue (CAT), gain, read noise, saturation and a WCS that
drifts from frame to frame. One star varies with a known period. `python examples/starfield.py FOLDER` writes one.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS

GAIN, READ_NOISE, SATURATE = 1.7, 3.2, 60000.0
SKY, SEEING, ZERO_POINT = 120.0, 1.8, 24.0
PIXEL = 0.58 / 3600
CENTRE = (250.4235, 36.4613)
START = 61050.2
COLOURS = {"gp": 0.8, "rp": 1.0, "ip": 1.15}
Image = np.ndarray


@dataclass(frozen=True)
class Starfield:
    """The field: number of stars, shape of the frames, and period (days) and amplitude (magnitudes) of the variable."""

    seed: int = 20260101
    stars: int = 60
    shape: tuple[int, int] = (256, 256)
    period: float = 0.3171
    amplitude: float = 0.35
    exposure: float = 60.0
    filter: str = "rp"
    turn: float = 0.0
    places: np.ndarray = field(init=False, repr=False)
    magnitudes: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Place the stars at random; star 0 is the variable, bright and near the centre."""
        random = np.random.default_rng(self.seed)
        half = 0.6 * max(self.shape) * PIXEL
        away = random.uniform(-half, half, (self.stars, 2))
        away[0] = 12 * PIXEL, -8 * PIXEL
        ra = CENTRE[0] + away[:, 0] / np.cos(np.radians(CENTRE[1]))
        magnitudes = random.uniform(12.5, 18.0, self.stars)
        magnitudes[0] = 14.0
        object.__setattr__(self, "places", np.column_stack([ra, CENTRE[1] + away[:, 1]]))
        object.__setattr__(self, "magnitudes", magnitudes)

    @property
    def target(self) -> dict[str, float]:
        """Return the position of the variable star, in degrees."""
        return {"ra": float(self.places[0, 0]), "dec": float(self.places[0, 1])}

    def brightness(self, mjd: float) -> np.ndarray:
        """Return the magnitudes of all stars at an MJD."""
        found = self.magnitudes.copy()
        found[0] += self.amplitude * np.sin(2 * np.pi * mjd / self.period)
        return found


def moments(count: int) -> np.ndarray:
    """Return the start times of a series as MJD: about every 50 minutes, unevenly spaced."""
    at = np.arange(count)
    return START + 0.0351 * at + 0.0011 * (at % 7)


def frame_wcs(sky: Starfield, index: int) -> WCS:
    """Return the WCS of a frame: the pointing drifts by some pixels, the field rotates slightly."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.cunit = "deg", "deg"
    wcs.wcs.crval = CENTRE[0] + 0.4 * PIXEL * index, CENTRE[1] - 0.25 * PIXEL * (index % 5)
    wcs.wcs.crpix = (sky.shape[1] + 1) / 2, (sky.shape[0] + 1) / 2
    turn = np.radians(sky.turn + 0.05 * index)
    turned = np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wcs.wcs.cd = PIXEL * turned
    wcs.wcs.radesys = "ICRS"
    return wcs


def frame(sky: Starfield, index: int, mjd: float) -> fits.HDUList:
    """Return one frame: stars and sky with photon and read noise, and the catalogue of the detectable stars."""
    random = np.random.default_rng([sky.seed, index])
    wcs = frame_wcs(sky, index)
    middle = mjd + sky.exposure / 2 / 86400
    counts = sky.exposure * COLOURS[sky.filter] * 10 ** (-0.4 * (sky.brightness(middle) - ZERO_POINT)) / GAIN
    x, y = wcs.all_world2pix(sky.places, 0).T
    clean = SKY + light(sky.shape, x, y, counts)
    noisy = random.poisson(clean * GAIN) / GAIN + random.normal(0, READ_NOISE / GAIN, sky.shape)
    science = fits.CompImageHDU(
        np.minimum(noisy, SATURATE).astype("f4"),
        header(sky, wcs, mjd),
        name="SCI",
        compression_type="GZIP_2",
        quantize_level=0,
    )
    return fits.HDUList([fits.PrimaryHDU(), science, catalogue(sky, random, x, y, counts)])


def light(shape: tuple[int, int], x: Image, y: Image, counts: Image) -> Image:
    """Return the counts of stars with a Gaussian profile of the seeing."""
    image = np.zeros(shape)
    reach = int(6 * SEEING)
    for column, row, count in zip(x, y, counts, strict=True):
        rows = np.arange(max(0, int(row) - reach), min(shape[0], int(row) + reach + 2))
        columns = np.arange(max(0, int(column) - reach), min(shape[1], int(column) + reach + 2))
        if rows.size and columns.size:
            away = (rows[:, None] - row) ** 2 + (columns[None, :] - column) ** 2
            profile = np.exp(-away / (2 * SEEING**2)) / (2 * np.pi * SEEING**2)
            image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += count * profile
    return image


def header(sky: Starfield, wcs: WCS, mjd: float) -> fits.Header:
    """Return the header of a science plane."""
    cards = wcs.to_header()
    began = Time(mjd, format="mjd", scale="utc")
    cards["OBJECT"] = "Carrel field"
    cards["FILTER"] = sky.filter
    cards["EXPTIME"] = (sky.exposure, "[s]")
    cards["DATE-OBS"] = (began.isot, "start of the exposure, UTC")
    cards["MJD-OBS"] = (mjd, "[d] start of the exposure, UTC")
    cards["GAIN"] = (GAIN, "[electron/count]")
    cards["RDNOISE"] = (READ_NOISE, "[electron]")
    cards["SATURATE"] = (SATURATE, "[count]")
    cards["PIXSCALE"] = (PIXEL * 3600, "[arcsec]")
    return cards


def catalogue(sky: Starfield, random: np.random.Generator, x: Image, y: Image, counts: Image) -> fits.BinTableHDU:
    """Return the table CAT of the detectable stars on the frame: positions, fluxes and magnitudes with errors."""
    area = 4 * np.pi * SEEING**2
    errors = np.sqrt(counts / GAIN + area * (SKY / GAIN + (READ_NOISE / GAIN) ** 2))
    inside = (x > 3) & (y > 3) & (x < sky.shape[1] - 4) & (y < sky.shape[0] - 4) & (counts > 5 * errors)
    flux = np.where(inside, np.maximum(random.normal(counts, errors), 1.0), 1.0)
    rate = flux * GAIN / (sky.exposure * COLOURS[sky.filter])
    columns = {
        "x": x + 1,
        "y": y + 1,
        "ra": sky.places[:, 0],
        "dec": sky.places[:, 1],
        "flux": flux,
        "fluxerr": errors,
        "peak": counts / (2 * np.pi * SEEING**2) + SKY,
        "mag": ZERO_POINT - 2.5 * np.log10(rate),
        "magerr": 1.085736 * errors / flux,
        "flag": np.zeros(len(x)),
    }
    order = np.flatnonzero(inside)[np.argsort(-flux[inside])]
    table = [fits.Column(name=name, format="D", array=values[order]) for name, values in columns.items()]
    return fits.BinTableHDU.from_columns(table, name="CAT")


def write(folder: Path, count: int = 24, sky: Starfield | None = None) -> list[Path]:
    """Write a series of `count` frames into the folder and return the files in order of time."""
    sky = sky or Starfield()
    paths = []
    for index, mjd in enumerate(moments(count)):
        path = folder / f"starfield-{sky.filter}-{index:03d}.fits"
        frame(sky, index, float(mjd)).writeto(path, overwrite=True)
        paths.append(path)
    return paths


def write_calibration(folder: Path, count: int = 5, shape: tuple[int, int] = (256, 256), seed: int = 7) -> list[Path]:
    """Write raw 16-bit frames: `count` each of bias, dark and flat, and one of the sky."""
    random = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    bias = 300 + 3 * np.sin(columns / 9)
    dark_rate = 0.2 + 5.0 * (random.random(shape) > 0.999)
    response = 1 - 0.2 * (((rows - shape[0] / 2) ** 2 + (columns - shape[1] / 2) ** 2) / (shape[0] * shape[1]))
    kinds = {"bias": (0.0, 0.0), "dark": (0.0, 120.0), "flat": (20000.0, 5.0), "sky": (800.0, 60.0)}
    paths = []
    for kind, (level, exposure) in kinds.items():
        for index in range(1 if kind == "sky" else count):
            electrons = random.poisson((level * response + dark_rate * exposure) * GAIN)
            counts = bias + electrons / GAIN + random.normal(0, READ_NOISE / GAIN, shape)
            cards = fits.Header({"EXPTIME": exposure, "GAIN": GAIN, "RDNOISE": READ_NOISE, "OBSTYPE": kind.upper()})
            science = fits.ImageHDU(np.clip(np.rint(counts), 0, 65535).astype("u2"), cards, name="SCI")
            path = folder / f"calibration-{kind}-{index:02d}.fits"
            fits.HDUList([fits.PrimaryHDU(), science]).writeto(path, overwrite=True)
            paths.append(path)
    return paths


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"{len(write(target)) + len(write_calibration(target))} frames in {target}\n")
