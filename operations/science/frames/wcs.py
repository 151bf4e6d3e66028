"""World coordinate systems: reads that of a frame, and replaces that of a header completely."""

import re
import warnings

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from core.errors import BadInput
from operations.science.frames.fits_open import open_fits
from operations.science.frames.images import Image

WCS_CARDS = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA|CNAME|CRDER|CSYER)\d+[A-Z]?|(CD|PC)\d+_\d+[A-Z]?|(PV|PS)\d+_\d+[A-Z]?"
    r"|(A|B|AP|BP)_(ORDER|DMAX|\d+_\d+)|(D|DP|DQ|CPDIS|CQDIS|CPERR)\d+|WCSAXES[A-Z]?|WCSNAME[A-Z]?|LONPOLE|LATPOLE"
    r"|RADESYS|RADECSYS|EQUINOX|WAT\d_\d+|LTV\d|LTM\d_\d"
)


def celestial_wcs(image: Image) -> WCS:
    """Return the celestial WCS of an image, with its distortions; BadInput if it has none."""
    found = celestial_wcs_or_none(image)
    if found is None:
        raise BadInput(f"{image.basename} has no celestial WCS. Solve its astrometry first or leave it out.")
    try:
        wcs_to_celestial_frame(found)
    except ValueError as error:
        axes = ", ".join(found.wcs.ctype)
        raise BadInput(f"{image.basename} has coordinates {axes}, which are not celestial. Leave it out.") from error
    return found


def celestial_wcs_or_none(image: Image) -> WCS | None:
    """Return the celestial WCS of an image, if it has one."""
    with open_fits(image.frame.path, image.basename) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        wcs = WCS(file[image.science.index].header, file)
    return wcs if wcs.has_celestial and wcs.naxis == 2 else None


def replace_wcs(header: fits.Header, wcs: WCS) -> None:
    """Replace the WCS of a header; every card of the old one is removed, in all of its notations."""
    for name in [name for name in header if WCS_CARDS.fullmatch(name)]:
        header.remove(name, ignore_missing=True, remove_all=True)
    header.update(wcs.to_header(relax=True))
    if "PIXSCALE" in header:
        header["PIXSCALE"] = (float(wcs.proj_plane_pixel_scales()[0].to_value("arcsec")), "[arcsec]")
