"""What a run will take, from the shapes of the frames."""

from collections.abc import Sequence

from operations.frames.bands import BUDGET, MIB
from operations.frames.images import Image, look, same_shape
from operations.outcome import Estimate, Frame

LIBRARIES_BYTES = 150 * MIB
"""What a process with the libraries loaded takes before it has read anything."""
RESULT_BYTES_PER_PIXEL = 40
"""Of the result in memory: its planes, their compressed form, a picture, and what is made on the way."""
OPENING_SECONDS = 0.01
READ_BYTES_PER_SECOND = {False: 400e6, True: 40e6}
RESULT_PIXELS_PER_SECOND = 2.5e6


def combining(frames: Sequence[Frame], copies: float = 1.0) -> Estimate:
    """Return what it takes to combine frames by bands, with `copies` of a band in memory beside it."""
    images = [look(frame) for frame in frames]
    height, width = same_shape(images)
    peak = LIBRARIES_BYTES + BUDGET * (1 + copies) + height * width * RESULT_BYTES_PER_PIXEL
    return Estimate(int(peak), reading_seconds(images) + height * width / RESULT_PIXELS_PER_SECOND)


def reading_seconds(images: Sequence[Image]) -> float:
    """Return the time to read all pixels once."""
    return sum(
        OPENING_SECONDS + image.science.row_bytes * image.shape[0] / READ_BYTES_PER_SECOND[image.science.tile_rows > 0]
        for image in images
    )
