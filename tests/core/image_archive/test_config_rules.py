"""No image runs as root, however its USER line is written, and exposed ports are valid."""

from typing import Any

import pytest

from tests.core.image_archive.checks import ROOT, check, refusal
from tests.core.sample_archives import Recipe, tar


@pytest.mark.parametrize(
    "user",
    [
        "",
        "root",
        "0",
        "root:root",
        "root:1000",
        "0:0",
        "0:1000",
        "00",
        "000:5",
        "+0",
        "-0",
        "+00",
        ":1000",
        ":",
        " root",
        " 0",
        None,
    ],
)
async def test_every_form_of_root_is_refused(user: str | None) -> None:
    assert await refusal(tar(Recipe(run={"User": user}).docker())) == ROOT


@pytest.mark.parametrize("run", [{}, None])
async def test_missing_user_is_root(run: Any) -> None:
    assert await refusal(tar(Recipe(run=run).docker())) == ROOT


@pytest.mark.parametrize("user", ["1", "1000", "1000:0", "app", "app:root", "rooty", "01", "2147483647"])
async def test_other_users_are_accepted(user: str) -> None:
    assert (await check(tar(Recipe(run={"User": user}).docker()))).user == user


@pytest.mark.parametrize("user", ["2147483648", "-1", "4294967296"])
async def test_impossible_users_are_refused(user: str) -> None:
    assert "cannot exist" in await refusal(tar(Recipe(run={"User": user}).docker()))


@pytest.mark.parametrize("port", ["", "x", "0", "65536/tcp", "-1", "80-", "90-80/tcp", "1_0", "\u0661/tcp", "9" * 5000])
async def test_invalid_port_is_refused(port: str) -> None:
    assert "is not a port" in await refusal(tar(Recipe(run={"User": "1000", "ExposedPorts": {port: {}}}).docker()))


async def test_ports_may_be_ranges() -> None:
    run = {"User": "1000", "ExposedPorts": {"9000-9002/tcp": {}, "80": {}, "70/sctp": {}}}

    assert (await check(tar(Recipe(run=run).docker()))).exposed_ports == (80, 9000, 9001, 9002)


async def test_too_many_ports_are_refused() -> None:
    assert "more than 256 ports" in await refusal(
        tar(Recipe(run={"User": "1", "ExposedPorts": {"1-65535": {}}}).docker())
    )
