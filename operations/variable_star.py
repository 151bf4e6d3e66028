"""Variable Star: the light curve of a source, and its period."""

from dataclasses import replace

from operations.framework import estimates
from operations.framework.common_inputs import COMPATIBILITY, compatible
from operations.framework.context import Work
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Given, Outcome
from operations.light_curve import FILES as SOME_FILES
from operations.light_curve import SOURCE
from operations.science.curves import periods
from operations.science.curves.curve import Curve, described, observe
from operations.science.curves.julian_dates import JD_MINUS_MJD
from operations.science.curves.points import bjd
from operations.science.curves.table import curve_picture, folded, handed_over
from operations.science.scripts.curves import curve_script

FILES = replace(SOME_FILES, minimum=periods.FEWEST)


class VariableStar(BaseDataOperation):
    """The light curve as the operation Light Curve has it, then the Lomb-Scargle periodogram with magerr as weights.

    All else is as astropy has it by default: standard normalization, floating mean, 5 samples a peak, up to 5 times the
    mean Nyquist frequency; the false alarm probability is that of Baluev. Times are BJD (TDB) and the
    best frequency is sought on a finer grid about the highest; for datalab, JD as sent and the highest itself.
    """

    name = "Variable Star"
    description = "The light curve of one source and its best period, by the Lomb-Scargle periodogram."
    inputs = {"source": SOURCE, "input_files": FILES, "compatibility": COMPATIBILITY}

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Make the light curve, then search the period."""
        found = observe(inputs, FILES, work)
        work.report(0.8, "searching")
        search = periods.periodogram(*points(found, datalab=compatible(inputs)), refine=not compatible(inputs))
        work.report(0.9, "saving")
        curve = described(found, datalab=compatible(inputs))
        by_phase = folded(found, search.period, work.folder)
        return handed_over(curve | periods.described(search), curve_picture(found), work.folder, by_phase)

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to read catalogues and to search."""
        return estimates.cataloguing(inputs.frames("input_files"))

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy and astropy."""
        return curve_script(inputs, stem, period=True)


def points(found: Curve, *, datalab: bool) -> tuple[list[float], list[float], list[float]]:
    """Return days, magnitudes and errors of a curve."""
    days = [each.mjd + JD_MINUS_MJD if datalab else bjd(each, found.target) for each in found.points]
    brightness = [found.brightness(each) for each in found.points]
    return days, [mag for mag, _ in brightness], [error for _, error in brightness]
