"""The browser that this system has, for Playwright to drive."""

import shutil

from tests.services.missing import Missing

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking")


def executable() -> str:
    """Return the path of the browser."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise Missing("no browser was found; install chromium.")
