"""A headless Chromium for tests and for the pictures in docs/.

`python tests/chromium.py URL PICTURE.png [TEXT ...]` clicks each TEXT in turn and takes a picture.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from debian_package import ONE_AT_A_TIME, install, may_install
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE = {"width": 1400, "height": 900}
WAIT_MS = 30_000


class NoChromium(RuntimeError):
    """There is no Chromium and none could be installed; the message says why."""


def find() -> str:
    """The path of a Chromium, installed from the system's packages where root may do that."""
    with ONE_AT_A_TIME:
        found = next(filter(None, map(shutil.which, NAMES)), None)
        if found is None:
            _install()
            found = shutil.which("chromium")
    if found is None:
        raise NoChromium("apt-get installed chromium, but there is no such command")
    return found


def _install() -> None:
    if not may_install():
        raise NoChromium("no Chromium here (as root: apt-get install chromium)")
    reason = install("chromium")
    if reason is not None:
        raise NoChromium(f"no Chromium here, and {reason}")


@contextmanager
def page(url: str) -> Iterator[Page]:
    """A page of a fresh browser at `url`."""
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=find(),
            headless=True,
            args=list(FLAGS),
            viewport=SIZE,
        )
        try:
            opened = browser.new_page()
            opened.set_default_timeout(WAIT_MS)
            opened.goto(url)
            yield opened
        finally:
            browser.close()


def screenshot(url: str, path: Path, actions: Callable[[Page], None] = lambda _page: None) -> None:
    """Take a picture of what `url` shows after `actions`."""
    with page(url) as opened:
        actions(opened)
        opened.wait_for_load_state("networkidle")
        opened.screenshot(path=path)


if __name__ == "__main__":
    address, picture, *texts = sys.argv[1:]

    def click(opened: Page) -> None:
        for text in texts:
            opened.get_by_text(text).first.click()

    screenshot(address, Path(picture), click)
