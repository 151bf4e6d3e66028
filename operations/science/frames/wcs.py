"""World coordinates: read from a frame, cut, and written without what an older one left behind."""

import re
import warnings

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from core.errors import BadInput
from operations.science.frames.fits_open import opened
from operations.science.frames.images import Image

WCS_CARDS = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA|CNAME|CRDER|CSYER)\d+[A-Z]?|(CD|PC)\d+_\d+[A-Z]?|(PV|PS)\d+_\d+[A-Z]?"
    r"|(A|B|AP|BP)_(ORDER|DMAX|\d+_\d+)|(D|DP|DQ|CPDIS|CQDIS|CPERR)\d+|WCSAXES[A-Z]?|WCSNAME[A-Z]?|LONPOLE|LATPOLE"
    r"|RADESYS|RADECSYS|EQUINOX|WAT\d_\d+|LTV\d|LTM\d_\d"
)


def celestial(image: Image) -> WCS:
    """Return the celestial WCS of an image, with its distortions; BadInput when it has none."""
    found = celestial_or_none(image)
    if found is None:
        raise BadInput(f"{image.basename} has no celestial WCS; solve its astrometry first or leave it out.")
    try:
        wcs_to_celestial_frame(found)
    except ValueError as error:
        axes = ", ".join(found.wcs.ctype)
        raise BadInput(f"{image.basename} has coordinates {axes}, which are not of the sky; leave it out.") from error
    return found


def celestial_or_none(image: Image) -> WCS | None:
    """Return the celestial WCS of an image, if it has one."""
    with opened(image.frame.path, image.basename) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        wcs = WCS(file[image.science.index].header, file)
    return wcs if wcs.has_celestial and wcs.naxis == 2 else None


def put(header: fits.Header, wcs: WCS) -> None:
    """Replace the WCS of a header: every card of the old one goes, in whatever form it was written."""
    for name in [name for name in header if WCS_CARDS.fullmatch(name)]:
        header.remove(name, ignore_missing=True, remove_all=True)
    header.update(wcs.to_header(relax=True))
    if "PIXSCALE" in header:
        header["PIXSCALE"] = (float(wcs.proj_plane_pixel_scales()[0].to_value("arcsec")), "[arcsec]")
