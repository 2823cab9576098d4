"""Measures and photographs a page of `gan_tf.export --web`, in a headless Chromium.

    .venv/bin/python scripts/show_page.py RUN_DIR/export/2/assets.extra/web.html docs/page.png

Prints the page's size, how long it takes to load and how many images a second it draws, on one
core: the best of five rounds, for other programs only make it slower. Needs Debian's chromium and
chromium-driver, and selenium.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 120
ROUNDS = """
const done = arguments[0];
(async () => {
  const rows = Array.from({ length: ROWS }, (_, seed) => ({
    latents: latentsOf(BigInt(seed), model), label: 0 }));
  let best = 0;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    let images = 0;
    while (performance.now() - start < 1000) images += (await generate(rows)).length;
    best = Math.max(best, (1000 * images) / (performance.now() - start));
  }
  done(best);
})();
"""


def browser(profile: str) -> webdriver.Chrome:
    """Returns a browser with an empty profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    flags = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run")
    quiet = ("disable-background-networking", "disable-component-update", "disable-sync")
    for flag in (*flags, *quiet, f"user-data-dir={profile}", "window-size=1200,1010"):
        options.add_argument(f"--{flag}")
    return webdriver.Chrome(options, webdriver.ChromeService(str(shutil.which("chromedriver"))))


def main(page: str, picture: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile)
        try:
            start = time.monotonic()
            driver.get(Path(page).absolute().as_uri())
            state = driver.find_element("id", "state")
            WebDriverWait(driver, SECONDS, 0.05).until(lambda _: state.text == "Ready.")
            loaded = time.monotonic() - start
            driver.save_screenshot(picture)
            driver.set_script_timeout(SECONDS)
            speed = driver.execute_async_script(ROUNDS)
        finally:
            driver.quit()
    size = Path(page).stat().st_size / 1e6
    print(f"{size:.1f} MB, ready after {loaded:.1f} s, {speed:.0f} images/s")


if __name__ == "__main__":
    main(*sys.argv[1:])
