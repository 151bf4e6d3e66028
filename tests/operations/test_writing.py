"""A result is stored without loss, says where it comes from, and describes itself rightly."""

import json
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from operations.keys import given_key
from operations.median import Median
from tests.operations.frames import Bench, header, noise, one, pixels
from tests.operations.scripts import wcs_cards, wcs_of


def items(bench: Bench, **cards: Any) -> list[dict[str, Any]]:
    return [bench.save(f"{n}.fits", noise((60, 80), n), **cards) for n in range(3)]


@pytest.mark.parametrize("storage", ["lossless", "plain"])
def test_storage_keeps_every_bit(bench: Bench, storage: str) -> None:
    outcome = bench.run("Median", {"input_files": items(bench), "storage": storage})

    expected = np.median([noise((60, 80), n) for n in range(3)], axis=0)
    np.testing.assert_array_equal(pixels(outcome), expected)


def test_loss_is_asked_for_and_said(bench: Bench) -> None:
    files = items(bench)
    exact = bench.run("Median", {"input_files": files})
    rounded = bench.run("Median", {"input_files": files, "storage": "lossy"})

    error = np.abs(pixels(rounded) - pixels(exact))
    assert 0 < error.max() < np.std(pixels(exact)) / 16 * 1.5
    assert "stored with loss" in str(header(rounded)["HISTORY"])
    assert "stored with loss" not in str(header(exact)["HISTORY"])


def test_the_file_tells_where_it_comes_from(bench: Bench) -> None:
    files = items(bench)
    outcome = bench.run("Median", {"input_files": files})

    given = bench.given("Median", {"input_files": files})
    record = header(outcome, name="PROVENANCE")
    table = fits.getdata(one(outcome).path, "PROVENANCE")
    assert list(table["SHA256"]) == [frame.sha256 for frame in given.frames("input_files")]
    assert list(table["BASENAME"]) == ["0.fits", "1.fits", "2.fits"]
    assert record["OPKEY"] == given_key(Median, given)
    assert json.loads(record["OPPARAM"]) == {"storage": "lossless", "compatibility": "off"}
    assert json.loads(record["LIBS"])["numpy"] == np.__version__
    history = str(header(outcome)["HISTORY"])
    assert "Carrel: Median, version 1, 3 files" in history
    assert given.frames("input_files")[0].sha256[:12] in history


def test_names_that_fits_cannot_spell_are_written_as_codes(bench: Bench) -> None:
    files = [bench.save(name, noise((5, 5))) for name in ("\u03b1.fits", "b\nc.fits")]

    outcome = bench.run("Median", {"input_files": files})

    assert set(fits.getdata(one(outcome).path, "PROVENANCE")["BASENAME"]) == {"\\u03b1.fits", "b\\nc.fits"}


def test_a_datalab_result_has_its_key_and_comment(bench: Bench) -> None:
    outcome = bench.run("Median", {"input_files": items(bench), "compatibility": "datalab"})

    primary = header(outcome, name="PRIMARY")
    assert len(primary["DLAB_KEY"]) == 64
    assert "0.fits, 1.fits, 2.fits" in "".join(primary["COMMENT"])


def test_a_crop_keeps_its_wcs_and_cards_of_the_old_array_are_gone(bench: Bench) -> None:
    cards = wcs_cards((60, 80), angle=20)
    files = [
        bench.save("a.fits", noise((60, 80)).astype("i2"), BLANK=3, **cards),
        bench.save("b.fits", noise((40, 90)), **cards),
    ]

    outcome = bench.run("Median", {"input_files": files})

    found = header(outcome)
    assert (found["NAXIS1"], found["NAXIS2"]) == (80, 40)
    assert "BLANK" not in found
    np.testing.assert_allclose(
        wcs_of(found).wcs_pix2world([[5, 7]], 0), wcs_of(fits.Header(cards)).wcs_pix2world([[5, 7]], 0), atol=1e-12
    )
