"""Estimates of the memory and time of a run, from the headers of its frames."""

from collections.abc import Sequence

from operations.framework.outcome import Estimate, Frame
from operations.science.frames.bands import MEMORY_BUDGET, MIB
from operations.science.frames.images import Image, common_shape, open_image

LIBRARIES_BYTES = 150 * MIB
"""Memory of a process that has loaded the libraries and read nothing."""
RESULT_BYTES_PER_PIXEL = 40
"""Memory of the result: its planes, their compressed form, a picture, and temporary arrays."""
SINGLE_BYTES_PER_PIXEL = 56
"""Memory of one frame of 4 bytes a pixel with its result."""
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


def for_combination(frames: Sequence[Frame], copies: float = 1.0) -> Estimate:
    """Return the estimate for combining frames by bands, with `copies` more of each band in memory."""
    images = [open_image(frame) for frame in frames]
    height, width = common_shape(images)
    peak = LIBRARIES_BYTES + MEMORY_BUDGET * (1 + copies) + height * width * RESULT_BYTES_PER_PIXEL
    return Estimate(int(peak), reading_seconds(images) + height * width / RESULT_PIXELS_PER_SECOND)


def for_single_frames(frames: Sequence[Frame], bytes_per_pixel: int = SINGLE_BYTES_PER_PIXEL) -> Estimate:
    """Return the estimate for making one result of each frame, one frame at a time."""
    images = [open_image(frame) for frame in frames]
    pixels = [image.shape[0] * image.shape[1] for image in images]
    peak = LIBRARIES_BYTES + MEMORY_BUDGET + max(pixels) * bytes_per_pixel
    return Estimate(int(peak), reading_seconds(images) + sum(pixels) / RESULT_PIXELS_PER_SECOND)


def reading_seconds(images: Sequence[Image]) -> float:
    """Return the time to read all pixels once."""
    return sum(
        OPENING_SECONDS + image.science.row_bytes * image.shape[0] / READ_BYTES_PER_SECOND[image.science.tile_rows > 0]
        for image in images
    )


def for_projection(frames: Sequence[Frame]) -> Estimate:
    """Return the estimate for projecting frames onto a grid of twice the pixels of the largest and combining them."""
    images = [open_image(frame) for frame in frames]
    largest = max(image.shape[0] * image.shape[1] for image in images)
    peak = LIBRARIES_BYTES + PROJECTING_LIBRARIES_BYTES + 2 * MEMORY_BUDGET + largest * PROJECTED_BYTES_PER_PIXEL
    seconds = reading_seconds(images) + 2 * largest * len(images) / PROJECTED_PIXELS_PER_SECOND
    return Estimate(int(peak), seconds)


def for_color_image(frames: Sequence[Frame]) -> Estimate:
    """Return the estimate for adding frames, one at a time, to a colour image and saving it."""
    images = [open_image(frame) for frame in frames]
    largest = max(image.shape[0] * image.shape[1] for image in images)
    peak = LIBRARIES_BYTES + PROJECTING_LIBRARIES_BYTES + 2 * MEMORY_BUDGET + largest * PICTURE_BYTES_PER_PIXEL
    return Estimate(int(peak), reading_seconds(images) + largest * len(images) / PICTURE_PIXELS_PER_SECOND)


def for_catalogs(frames: Sequence[Frame]) -> Estimate:
    """Return the estimate for reading the catalogues of frames."""
    peak = LIBRARIES_BYTES + max(frame.path.stat().st_size for frame in frames)
    return Estimate(int(peak), 5 * OPENING_SECONDS * len(frames))


def for_calibration(frames: Sequence[Frame], all_frames: Sequence[Frame]) -> Estimate:
    """Return the estimate for making masters by bands and calibrating frames one at a time with them."""
    single, images = for_single_frames(frames), [open_image(frame) for frame in all_frames]
    pixels = max(image.shape[0] * image.shape[1] for image in images)
    peak = single.peak_bytes + MEMORY_BUDGET + pixels * MASTERS_BYTES_PER_PIXEL
    return Estimate(peak, single.seconds + 2 * reading_seconds(images))


def for_cosmic_rays(frames: Sequence[Frame]) -> Estimate:
    """Return the estimate for finding cosmic rays in frames one at a time."""
    single, images = for_single_frames(frames), [open_image(frame) for frame in frames]
    pixels = sum(image.shape[0] * image.shape[1] for image in images)
    return Estimate(single.peak_bytes, single.seconds + pixels / CLEANED_PIXELS_PER_SECOND)
