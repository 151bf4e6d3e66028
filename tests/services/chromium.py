"""The browser of this system, for Playwright."""

import shutil

from tests.services.missing import MissingService

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking")


def executable() -> str:
    """Return the path of the browser."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise MissingService("no browser was found; install chromium.")
