"""A build receives this machine's pip settings, without its local folders."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def build_image(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, as a module."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    found = importlib.util.spec_from_file_location("build_image", EXAMPLES / "build_image.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_index_is_passed_on_without_local_folders(build_image: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///srv/index /srv/wheels")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")

    arguments = build_image.arguments()

    assert arguments["PIP_INDEX_URL"] == "https://index.example/simple"
    assert "PIP_EXTRA_INDEX_URL" not in arguments
    assert arguments["https_proxy"] == "http://proxy.example:3128"


def test_certificates_of_pip_take_precedence(
    build_image: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("certificates")
    monkeypatch.setenv("PIP_CERT", str(bundle))

    assert build_image.certificates() == bundle
