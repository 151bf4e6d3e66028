"""Variable Star: the light curve of a source, and its period."""

from dataclasses import replace

from operations.framework import estimates
from operations.framework.common_inputs import COMPATIBILITY, is_datalab_mode
from operations.framework.context import OperationContext
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, RunInputs
from operations.light_curve import INPUT_FILES as SOME_FILES
from operations.light_curve import SOURCE
from operations.science.curves import periods
from operations.science.curves.curve import Curve, curve_to_dict, measure_curve
from operations.science.curves.julian_dates import JD_MINUS_MJD
from operations.science.curves.points import barycentric_date
from operations.science.curves.table import draw_curve, write_phase_chart, write_table
from operations.science.scripts.curves import build_curve_script

FILES = replace(SOME_FILES, minimum=periods.MIN_POINTS)


class VariableStar(BaseDataOperation):
    """The light curve of the operation Light Curve, then the Lomb-Scargle periodogram weighted by magerr.

    All other settings are astropy's defaults: standard normalization, floating mean, 5 samples per peak, up to 5 times
    the mean Nyquist frequency, and Baluev's false alarm probability. Times are BJD (TDB), and the best frequency is
    refined on a finer grid around the peak. In the mode datalab times are the caller's JD, and the peak is not refined.
    """

    name = "Variable Star"
    description = "The light curve of one source and its best period, by the Lomb-Scargle periodogram."
    inputs = {"source": SOURCE, "input_files": FILES, "compatibility": COMPATIBILITY}

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Measure the light curve, then search its period."""
        found = measure_curve(inputs, FILES, context)
        context.report(0.8, "searching")
        search = periods.periodogram(
            *curve_columns(found, datalab=is_datalab_mode(inputs)), refine=not is_datalab_mode(inputs)
        )
        context.report(0.9, "saving")
        curve = curve_to_dict(found, datalab=is_datalab_mode(inputs))
        by_phase = write_phase_chart(found, search.period, context.folder)
        return write_table(curve | periods.periodogram_to_dict(search), draw_curve(found), context.folder, by_phase)

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for reading catalogues and searching the period."""
        return estimates.for_catalogs(inputs.frames("input_files"))

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy and astropy."""
        return build_curve_script(inputs, stem, period=True)


def curve_columns(found: Curve, *, datalab: bool) -> tuple[list[float], list[float], list[float]]:
    """Return the days, magnitudes and errors of a curve."""
    days = [each.mjd + JD_MINUS_MJD if datalab else barycentric_date(each, found.target) for each in found.points]
    brightness = [found.brightness(each) for each in found.points]
    return days, [mag for mag, _ in brightness], [error for _, error in brightness]
