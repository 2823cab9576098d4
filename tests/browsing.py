"""A real Chromium for tests: Debian's `chromium` and `chromium-driver`, driven by selenium."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def lack() -> str | None:
    """What is missing for these tests, and how to get it; None if nothing is."""
    if importlib.util.find_spec("selenium") is None:
        return "no selenium: pip install -e '.[dev]'"
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        return "no browser: apt-get install chromium chromium-driver"
    return None


# The texts that a person can see whose contrast with what is painted behind them is below AA of
# WCAG 2.2: 4.5 to 1, and 3 to 1 for large ones. What cannot be used now may be dimmed.
_FAINT = """
const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
const part = (value) => value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
const behind = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = parts(getComputedStyle(each).backgroundColor);
    if (colour.length < 4 || colour[3] > 0.5) return colour;
  }
  return [255, 255, 255];
};
const found = [];
for (const element of document.querySelectorAll("body *")) {
  const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  const seen = box.width > 1 && box.height > 1 && style.visibility === "visible";
  if (!says || !seen || element.closest("[disabled], script, style, noscript")) continue;
  const [one, other] = [luminance(parts(style.color)), luminance(behind(element))];
  const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  const size = parseFloat(style.fontSize), bold = parseInt(style.fontWeight) >= 700;
  const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
  if (ratio < least) found.push(`${ratio.toFixed(2)}: ${element.textContent.trim().slice(0, 60)}`);
}
return found;
"""


class Browser:
    """A browser with an empty profile."""

    def __init__(self, profile: Path) -> None:
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(str(shutil.which("chromedriver")))
        self.driver: Any = webdriver.Chrome(options, service)

    def open(self, page: Path, *, width: int = 1440, scheme: str = "light") -> None:
        """Opens a page from disk, in a window so wide, as who prefers a colour scheme sees it."""
        self.look(width=width, scheme=scheme)
        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)  # What came before is another page's.
        self.driver.get(page.as_uri())

    def look(self, *, width: int, scheme: str) -> None:
        """Makes the window so wide, and prefers a colour scheme, `light` or `dark`."""
        scheme_now = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme_now})
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    @contextmanager
    def without_scripts(self) -> Iterator[None]:
        """Within it, pages are opened by a browser that runs no JavaScript of theirs."""
        set_disabled = "Emulation.setScriptExecutionDisabled"
        self.driver.execute_cdp_cmd(set_disabled, {"value": True})
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd(set_disabled, {"value": False})

    def find(self, selector: str) -> Any:
        """The first element that a CSS selector finds."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        """All elements that a CSS selector finds."""
        found: list[Any] = self.driver.find_elements("css selector", selector)
        return found

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self.driver.execute_script(f"return {expression}")

    def faint(self) -> list[str]:
        """The texts of the page that are hard to read as it looks now, with their contrast."""
        found: list[str] = self.driver.execute_script(_FAINT)
        return found

    def complaints(self) -> list[str]:
        """What the page's console says since it was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that the page has asked for, but for what it holds itself."""
        messages = (json.loads(e["message"])["message"] for e in self.driver.get_log("performance"))
        sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        urls = [each["request"]["url"] for each in sent]
        return [url for url in urls if not url.startswith(("data:", "about:"))]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser; without one its tests are skipped, and the summary says what is missing."""
    if reason := lack():
        pytest.skip(f"NOT TESTED in a browser: {reason}")
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.driver.quit()
