"""Light Curve: the magnitude of one source in every frame, over time."""

from operations.framework import estimates
from operations.framework.common_inputs import COMPATIBILITY, is_datalab_mode
from operations.framework.context import OperationContext
from operations.framework.inputs import FilesInput, SourceInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, OperationOutcome, RunInputs
from operations.science.curves.curve import curve_to_dict, measure_curve
from operations.science.curves.table import draw_curve, write_table
from operations.science.scripts.curves import build_curve_script

ALLOWED_FILTERS = ("rp", "ip", "gp", "zs")
INPUT_FILES = FilesInput(
    name="Input Files",
    description="The frames of one filter, each with its catalogue of sources (CAT).",
    single_filter=True,
    filter_options=ALLOWED_FILTERS,
    dated=True,
)
SOURCE = SourceInput(name="Source", description="The position of the source in the sky.", required=True)


class LightCurve(BaseDataOperation):
    """Reads the source nearest to the position, within 4 arcsec, from the catalogue of each frame.

    Times are the middle of the exposure (julian_date in UTC, bjd_tdb at the barycentre), from the headers. If a
    catalogue has no magnitudes, all magnitudes are computed from fluxes (flux_fallback). In the mode datalab times are
    the caller's observation_date, and frames without magnitudes are left out.
    """

    name = "Light Curve"
    description = "The magnitude of one source in every frame, over time, from the catalogues of the frames."
    inputs = {"source": SOURCE, "input_files": INPUT_FILES, "compatibility": COMPATIBILITY}

    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Read the catalogue of one frame at a time."""
        found = measure_curve(inputs, INPUT_FILES, context)
        context.report(0.9, "saving")
        return write_table(curve_to_dict(found, datalab=is_datalab_mode(inputs)), draw_curve(found), context.folder)

    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the estimate for reading catalogues."""
        return estimates.for_catalogs(inputs.frames("input_files"))

    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a script with numpy and astropy."""
        return build_curve_script(inputs, stem)
