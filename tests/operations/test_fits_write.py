"""A result is stored without loss, with its provenance and a correct header."""

import json
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from operations.framework.keys import run_key
from operations.median import Median
from tests.operations.frames import OperationHarness, header, noise, one, pixels
from tests.operations.scripts import wcs_cards, wcs_of


def items(harness: OperationHarness, **cards: Any) -> list[dict[str, Any]]:
    return [harness.save(f"{n}.fits", noise((60, 80), n), **cards) for n in range(3)]


@pytest.mark.parametrize("storage", ["lossless", "plain"])
def test_storage_keeps_every_bit(harness: OperationHarness, storage: str) -> None:
    outcome = harness.run("Median", {"input_files": items(harness), "storage": storage})

    expected = np.median([noise((60, 80), n) for n in range(3)], axis=0)
    np.testing.assert_array_equal(pixels(outcome), expected)


def test_lossy_storage_is_recorded_in_history(harness: OperationHarness) -> None:
    files = items(harness)
    exact = harness.run("Median", {"input_files": files})
    rounded = harness.run("Median", {"input_files": files, "storage": "lossy"})

    error = np.abs(pixels(rounded) - pixels(exact))
    assert 0 < error.max() < np.std(pixels(exact)) / 16 * 1.5
    assert "stored with loss" in str(header(rounded)["HISTORY"])
    assert "stored with loss" not in str(header(exact)["HISTORY"])


def test_result_contains_its_provenance(harness: OperationHarness) -> None:
    files = items(harness)
    outcome = harness.run("Median", {"input_files": files})

    inputs = harness.inputs("Median", {"input_files": files})
    record = header(outcome, name="PROVENANCE")
    table = fits.getdata(one(outcome).path, "PROVENANCE")
    assert list(table["SHA256"]) == [frame.sha256 for frame in inputs.frames("input_files")]
    assert list(table["NUMBER"]) == [1, 2, 3]
    assert set(table.names) == {"INPUT", "NUMBER", "SHA256", "SAID"}
    assert record["OPKEY"] == run_key(Median, inputs)
    assert json.loads(record["OPPARAM"]) == {"storage": "lossless", "compatibility": "off"}
    assert json.loads(record["LIBS"])["numpy"] == np.__version__
    history = str(header(outcome)["HISTORY"])
    assert f"Carrel: Median, version {Median.version}, of 3 files" in history
    assert all(f"  {name}.fits" in history for name in range(3)), "as the files are called here"


def test_non_ascii_names_are_escaped(harness: OperationHarness) -> None:
    files = [harness.save(name, noise((5, 5))) for name in ("\u03b1.fits", "b\nc.fits")]

    outcome = harness.run("Median", {"input_files": files})

    history = str(header(outcome)["HISTORY"])
    assert "  \\u03b1.fits" in history
    assert "  b\\nc.fits" in history


def test_comment_lists_files_without_datalab_key(harness: OperationHarness) -> None:
    outcome = harness.run("Median", {"input_files": items(harness), "compatibility": "datalab"})

    primary = header(outcome, name="PRIMARY")
    assert "Median of 0.fits, 1.fits, 2.fits" in "".join(primary["COMMENT"])
    assert "DLAB_KEY" not in primary


def test_comment_counts_files_beyond_the_limit(harness: OperationHarness) -> None:
    files = [harness.save(f"{n:02d}.fits", noise((4, 4), n)) for n in range(22)]

    comment = "".join(header(harness.run("Median", {"input_files": files}), name="PRIMARY")["COMMENT"])

    assert "18.fits, 19.fits and 2 more" in comment
    assert "20.fits" not in comment


def test_crop_keeps_wcs_and_drops_array_cards(harness: OperationHarness) -> None:
    cards = wcs_cards((60, 80), angle=20)
    files = [
        harness.save("a.fits", noise((60, 80)).astype("i2"), BLANK=3, **cards),
        harness.save("b.fits", noise((40, 90)), **cards),
    ]

    outcome = harness.run("Median", {"input_files": files})

    found = header(outcome)
    assert (found["NAXIS1"], found["NAXIS2"]) == (80, 40)
    assert "BLANK" not in found
    np.testing.assert_allclose(
        wcs_of(found).wcs_pix2world([[5, 7]], 0), wcs_of(fits.Header(cards)).wcs_pix2world([[5, 7]], 0), atol=1e-12
    )
