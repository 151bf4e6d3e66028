"""Inputs that several operations share: the storage format of results and the compatibility mode."""

from operations.framework.inputs import SelectInput
from operations.framework.outcome import RunInputs

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
    description="off gives the better numbers; datalab reproduces those of the PhotonRanch Datalab, errors included.",
    options=(OFF, DATALAB),
    default=OFF,
    advanced=True,
)


def is_datalab_mode(inputs: RunInputs) -> bool:
    """Return whether the run must reproduce the numbers of the PhotonRanch Datalab."""
    return inputs.text("compatibility") == DATALAB
