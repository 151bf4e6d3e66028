"""Inputs that many operations share: how results are stored, and whose numbers they are."""

from operations.framework.inputs import SelectInput
from operations.framework.outcome import Given

LOSSLESS, PLAIN, LOSSY = "lossless", "plain", "lossy"
OFF, DATALAB = "off", "datalab"

STORAGE = SelectInput(
    name="Storage",
    description="lossless is compressed without loss (GZIP_2), plain is not compressed, lossy rounds every pixel to "
    "a sixteenth of its noise (RICE) and takes about a third of the space.",
    options=(LOSSLESS, PLAIN, LOSSY),
    default=LOSSLESS,
    advanced=True,
)
COMPATIBILITY = SelectInput(
    name="Compatibility",
    description="off gives the better numbers; datalab gives those of the PhotonRanch Datalab, its slips included.",
    options=(OFF, DATALAB),
    default=OFF,
    advanced=True,
)


def compatible(given: Given) -> bool:
    """Say whether the numbers shall be those of the prior system."""
    return given.text("compatibility") == DATALAB
