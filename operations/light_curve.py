"""Light Curve: the magnitude of one source in every frame."""

from operations.framework import estimates
from operations.framework.common_inputs import COMPATIBILITY, compatible
from operations.framework.context import Work
from operations.framework.inputs import FilesInput, SourceInput
from operations.framework.operation import BaseDataOperation
from operations.framework.outcome import Estimate, Given, Outcome
from operations.science.curves.curve import described, observe
from operations.science.curves.table import curve_picture, handed_over
from operations.science.scripts.curves import curve_script

FILTERS = ("rp", "ip", "gp", "zs")
FILES = FilesInput(
    name="Input Files",
    description="The frames, in one filter, each with its catalogue of sources (CAT).",
    single_filter=True,
    filter_options=FILTERS,
    dated=True,
)
SOURCE = SourceInput(name="Source", description="The place of the source in the sky.", required=True)


class LightCurve(BaseDataOperation):
    """The source nearest to the place, within 4 arcsec, is taken from the catalogue of each frame.

    Times are the middle of the exposure (julian_date in UTC, bjd_tdb at the barycentre), from the headers. Where a
    catalogue has no magnitudes all are taken from fluxes (flux_fallback). In the mode datalab times are what the caller
    sent as observation_date, and frames without magnitudes are left out.
    """

    name = "Light Curve"
    description = "The magnitude of one source in every frame, over time, from the catalogues of the frames."
    inputs = {"source": SOURCE, "input_files": FILES, "compatibility": COMPATIBILITY}

    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Read the catalogue of one frame after the other."""
        found = observe(inputs, FILES, work)
        work.report(0.9, "saving")
        return handed_over(described(found, datalab=compatible(inputs)), curve_picture(found), work.folder)

    def estimate(self, inputs: Given) -> Estimate:
        """Return what it takes to read catalogues."""
        return estimates.cataloguing(inputs.frames("input_files"))

    def script(self, inputs: Given, stem: str) -> str:
        """Return the same with numpy and astropy."""
        return curve_script(inputs, stem)
