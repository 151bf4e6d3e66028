"""Measures data operations beside plain numpy and ccdproc, rounds interleaved, and their memory by number of frames.

`python -m bench.operations [--rounds N] [--side PIXELS] [--quick]`. The median of 20 frames in memory is computed by
Carrel, by numpy on a list and by ccdproc, with identical results; the sum of 100 files by the operation and by one
numpy pass over the files. Memory is the peak of a separate process, compared with the operation's estimate.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from ccdproc import combine
from numpy.typing import NDArray

from operations.framework.context import LocalContext, SubProgress
from operations.framework.outcome import Frame
from operations.science.combination.medians import median as carrel_median
from operations.science.combination.reduction import Reduction
from operations.science.combination.stack_settings import Combination, FrameScaling, StackSettings
from operations.science.frames.images import open_image

MIB = 1 << 20
MEASURE = """
import json, sys
from pathlib import Path
from operations.framework.outcome import Frame
from operations.framework.registry import find
from operations.framework.runner import estimate, build_run_inputs, run
from operations.framework.validation import validate
from operations.framework.context import LocalContext
name, folder, raw = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
def frame(item):
    return Frame(folder / item["basename"], item["basename"], "", "0" * 64, item)
inputs = build_run_inputs(find(name), validate(find(name), raw), frame)
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
before = peak()
planned = estimate(name, inputs)
(folder / "work").mkdir()
run(name, find(name).version, inputs, LocalContext(folder / "work"))
print(json.dumps({"before": before, "peak": peak(), "estimate": planned.peak_bytes, "seconds": planned.seconds}))
"""


def write(folder: Path, count: int, side: int, *, compress: bool = False, kind: str = "f4") -> list[str]:
    """Write frames of noise and return their names."""
    random = np.random.default_rng(count)
    names = []
    for at in range(count):
        pixels = random.normal(1000, 10, (side, side)).astype(kind)
        hdu: Any = fits.ImageHDU(pixels, name="SCI")
        if compress:
            hdu = fits.CompImageHDU(pixels, name="SCI", compression_type="RICE_1", quantize_level=16)
        names.append(f"{at:03d}.fits")
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(folder / names[-1])
    return names


def measure(name: str, folder: Path, raw: dict[str, Any]) -> dict[str, float]:
    """Run an operation in a process of its own and return its peak memory and its estimate."""
    command = [sys.executable, "-c", MEASURE, name, str(folder), json.dumps(raw)]
    began = time.perf_counter()
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    found: dict[str, float] = json.loads(answer.stdout)
    return found | {"took": time.perf_counter() - began}


def interleaved(rounds: int, **tasks: Callable[[], Any]) -> dict[str, list[float]]:
    """Run the tasks in turn and return the seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            began = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def reduce(folder: Path, names: Sequence[str], combination: Combination) -> NDArray[Any]:
    """Combine files as the operation does, from opening them to the pixels."""
    images = [open_image(Frame(folder / name, name)) for name in names]
    settings = StackSettings(combination, tuple(FrameScaling() for _ in images))
    return Reduction(images, settings).run(SubProgress(LocalContext(folder), "combining", 0, 1)).pixels


def medians(rounds: int, side: int) -> None:
    """Measure the median of 20 frames."""
    with tempfile.TemporaryDirectory(prefix="carrel-bench-") as place:
        folder = Path(place)
        names = write(folder, 20, side)
        frames = [fits.getdata(folder / name, "SCI").astype("f4") for name in names]
        data = [CCDData(frame, unit="adu") for frame in frames]
        expected = np.median(frames, axis=0)
        assert np.array_equal(carrel_median(np.array(frames).reshape(20, -1)).reshape(side, side), expected)
        assert np.array_equal(reduce(folder, names, Combination.MEDIAN), expected)
        assert np.array_equal(combine(data, method="median", dtype="f4").data, expected)
        seconds = interleaved(
            rounds,
            carrel_from_files=lambda: reduce(folder, names, Combination.MEDIAN),
            numpy_on_a_list=lambda: np.median(frames, axis=0),
            ccdproc_in_memory=lambda: combine(data, method="median", dtype="f4"),
        )
    _table(f"median of 20 x {side}^2 float32, the same bits", seconds)


def sums(rounds: int, side: int, count: int) -> None:
    """Measure the sum of many files."""
    with tempfile.TemporaryDirectory(prefix="carrel-bench-") as place:
        folder = Path(place)
        names = write(folder, count, side)

        def plain() -> NDArray[Any]:
            total = np.zeros((side, side))
            for name in names:
                total += fits.getdata(folder / name, "SCI", memmap=False)
            return total.astype("f4")

        assert np.array_equal(plain(), reduce(folder, names, Combination.SUM))
        seconds = interleaved(
            rounds, carrel=lambda: reduce(folder, names, Combination.SUM), one_numpy_pass_over_the_files=plain
        )
    _table(f"sum of {count} files of {side}^2 float32, the same bits", seconds)


def memory(side: int, counts: Sequence[int], compress: bool) -> None:
    """Measure the peak memory of Median by number of frames."""
    print(f"\npeak memory of Median, frames of {side}^2 float32{', compressed' if compress else ''}")
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="carrel-bench-") as place:
            names = write(Path(place), count, side, compress=compress)
            found = measure("Median", Path(place), {"input_files": [{"basename": name} for name in names]})
        estimate_text = f"{found['estimate'] / MIB:.0f} MiB and {found['seconds']:.1f} s estimated"
        print(
            f"  {count:4d} frames: {found['peak'] / MIB:6.0f} MiB, {found['took']:6.1f} s; {estimate_text}", flush=True
        )


def _table(title: str, seconds: dict[str, list[float]]) -> None:
    print(f"\n{title}")
    first = median(next(iter(seconds.values())))
    for name, values in seconds.items():
        spread = f"{min(values):.2f} to {max(values):.2f}"
        print(
            f"  {name:32s} {median(values):7.2f} s ({spread}); carrel takes {first / median(values):.2f} x", flush=True
        )


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--quick", action="store_true", help="use small frames, to check that the benchmark runs")
    given = parser.parse_args()
    side = 256 if given.quick else given.side
    medians(given.rounds, side)
    sums(given.rounds, side, 100)
    for compress in (False, True):
        memory(side, (20, 100, 200), compress)
    return 0


if __name__ == "__main__":
    sys.exit(main())
