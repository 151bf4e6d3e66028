"""What a run will take, from the shapes of the frames."""

from collections.abc import Sequence

from operations.framework.outcome import Estimate, Frame
from operations.science.frames.bands import BUDGET, MIB
from operations.science.frames.images import Image, look, same_shape

LIBRARIES_BYTES = 150 * MIB
"""What a process with the libraries loaded takes before it has read anything."""
RESULT_BYTES_PER_PIXEL = 40
"""Of the result in memory: its planes, their compressed form, a picture, and what is made on the way."""
SINGLE_BYTES_PER_PIXEL = 56
"""Of one frame of 4 bytes a pixel, with its result."""
PROJECTING_LIBRARIES_BYTES = 30 * MIB
PROJECTED_BYTES_PER_PIXEL = 100
MASTERS_BYTES_PER_PIXEL = 48
CLEANED_PIXELS_PER_SECOND = 2e5
PICTURE_BYTES_PER_PIXEL = 64
PICTURE_PIXELS_PER_SECOND = 2e6
PROJECTED_PIXELS_PER_SECOND = 4e5
OPENING_SECONDS = 0.01
READ_BYTES_PER_SECOND = {False: 400e6, True: 40e6}
RESULT_PIXELS_PER_SECOND = 2.5e6


def combining(frames: Sequence[Frame], copies: float = 1.0) -> Estimate:
    """Return what it takes to combine frames by bands, with `copies` of a band in memory beside it."""
    images = [look(frame) for frame in frames]
    height, width = same_shape(images)
    peak = LIBRARIES_BYTES + BUDGET * (1 + copies) + height * width * RESULT_BYTES_PER_PIXEL
    return Estimate(int(peak), reading_seconds(images) + height * width / RESULT_PIXELS_PER_SECOND)


def one_by_one(frames: Sequence[Frame], bytes_per_pixel: int = SINGLE_BYTES_PER_PIXEL) -> Estimate:
    """Return what it takes to make one result of each frame, one frame after the other."""
    images = [look(frame) for frame in frames]
    pixels = [image.shape[0] * image.shape[1] for image in images]
    peak = LIBRARIES_BYTES + BUDGET + max(pixels) * bytes_per_pixel
    return Estimate(int(peak), reading_seconds(images) + sum(pixels) / RESULT_PIXELS_PER_SECOND)


def reading_seconds(images: Sequence[Image]) -> float:
    """Return the time to read all pixels once."""
    return sum(
        OPENING_SECONDS + image.science.row_bytes * image.shape[0] / READ_BYTES_PER_SECOND[image.science.tile_rows > 0]
        for image in images
    )


def projecting(frames: Sequence[Frame]) -> Estimate:
    """Return what it takes to bring frames onto one grid of twice the pixels of the largest, and to combine them."""
    images = [look(frame) for frame in frames]
    largest = max(image.shape[0] * image.shape[1] for image in images)
    peak = LIBRARIES_BYTES + PROJECTING_LIBRARIES_BYTES + 2 * BUDGET + largest * PROJECTED_BYTES_PER_PIXEL
    seconds = reading_seconds(images) + 2 * largest * len(images) / PROJECTED_PIXELS_PER_SECOND
    return Estimate(int(peak), seconds)


def coloring(frames: Sequence[Frame]) -> Estimate:
    """Return what it takes to have the light of a picture and one frame in memory, and to save it."""
    images = [look(frame) for frame in frames]
    largest = max(image.shape[0] * image.shape[1] for image in images)
    peak = LIBRARIES_BYTES + PROJECTING_LIBRARIES_BYTES + 2 * BUDGET + largest * PICTURE_BYTES_PER_PIXEL
    return Estimate(int(peak), reading_seconds(images) + largest * len(images) / PICTURE_PIXELS_PER_SECOND)


def cataloguing(frames: Sequence[Frame]) -> Estimate:
    """Return what it takes to read the catalogues of frames."""
    peak = LIBRARIES_BYTES + max(frame.path.stat().st_size for frame in frames)
    return Estimate(int(peak), 5 * OPENING_SECONDS * len(frames))


def calibrating(frames: Sequence[Frame], everything: Sequence[Frame]) -> Estimate:
    """Return what it takes to make masters by bands, and to calibrate frames one by one beside them."""
    alone, images = one_by_one(frames), [look(frame) for frame in everything]
    pixels = max(image.shape[0] * image.shape[1] for image in images)
    peak = alone.peak_bytes + BUDGET + pixels * MASTERS_BYTES_PER_PIXEL
    return Estimate(peak, alone.seconds + 2 * reading_seconds(images))


def cleaning(frames: Sequence[Frame]) -> Estimate:
    """Return what it takes to find cosmic rays in frames one by one."""
    alone, images = one_by_one(frames), [look(frame) for frame in frames]
    pixels = sum(image.shape[0] * image.shape[1] for image in images)
    return Estimate(alone.peak_bytes, alone.seconds + pixels / CLEANED_PIXELS_PER_SECOND)
