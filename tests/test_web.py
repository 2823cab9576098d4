"""The page of an export: the networks run in a real browser, and give what the SavedModel gives."""

from __future__ import annotations

import functools
import importlib.util
import io
import re
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from benchmarks.session import Session
from PIL import Image

from gan_tf.game.latents import (
    LATENTS,
    SAMPLING_STREAM,
    Distribution,
    distribution_of,
    stream_seed,
)
from gan_tf.host.errors import InputError
from gan_tf.serving import servable, web

from .browsing import Browser, browser
from .conftest import Command, Once, one_line
from .processes import run_warm

__all__ = ["browser"]

SEEDS = [0, 7, -5, 2**31 - 1, 10**12, 2**63 - 1, -(2**63)]
HOSTILE = "</script><script>hacked=1</script><img src=x onerror=hacked=1>\"'&"
LEFT, SPACE, DOWN = "\ue012", " ", "\ue015"  # Keys.
Pixels = np.ndarray[Any, Any]


@pytest.fixture(scope="session")
def labelled(once: Once, conditional: Path, home: Path) -> Path:
    """An export of a conditional model, with its page."""

    def make(place: Path) -> None:
        flags = (f"--run_dir={conditional}", "--web", f"--output={place}")
        finished = run_warm("export", *flags, cwd=place, home=home, timeout=300)
        assert finished.returncode == 0, finished.stderr
        said = r"The page, one file of \d\d\.\d MB: (\S+)/1/assets\.extra/web\.html\n"
        assert re.search(said, finished.stderr), finished.stderr

    return once("labelled", make) / "1"


@pytest.fixture(scope="session", params=["converted", "labelled"])
def version(request: pytest.FixtureRequest) -> Path:
    """A version with a page: of a convolutional network, and of one that knows classes."""
    found: Path = request.getfixturevalue(request.param)
    return found


def page_of(version: Path) -> Path:
    return version / "assets.extra" / "web.html"


def settle(browser: Browser) -> None:
    """Waits until the page has drawn all that it was asked for."""
    limit = time.monotonic() + 90
    while browser.find("#state").text not in ("Ready.",) or browser.ask("busy"):
        assert time.monotonic() < limit, browser.find("#state").text
        time.sleep(0.05)


def show(browser: Browser, version: Path) -> None:
    """Opens a version's page, unless it is open: loading takes most of a test's time."""
    page = page_of(version)
    if browser.driver.current_url != page.as_uri():
        browser.open(page)
        settle(browser)
        assert browser.complaints() == []
        asked = [url for url in browser.requests() if not url.startswith("blob:")]
        assert asked == [page.as_uri()], "nothing is asked for but the page"


def put(browser: Browser, field: str, value: object) -> None:
    """Gives a field or a slider a value, as a person does, and waits for what follows."""
    browser.driver.execute_script(
        "const field = document.querySelector(arguments[0]); field.value = arguments[1];"
        "field.dispatchEvent(new Event('input', { bubbles: true }));",
        field,
        str(value),
    )
    settle(browser)


def canvas(browser: Browser, which: str) -> Pixels:
    """The pixels of a canvas, [height, width, 4]."""
    url = browser.ask(f"document.querySelector('{which}').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(b64decode(url.partition(",")[2]))).convert("RGBA"))


def images_in(browser: Browser, which: str) -> Pixels:
    """The images of a grid of 28x28 in grey, [number, 28, 28, 1], line by line."""
    grid = canvas(browser, which)[:, :, :1]
    lines, columns = (grid.shape[0] + 1) // 29, (grid.shape[1] + 1) // 29
    found = [
        grid[29 * line : 29 * line + 28, 29 * column : 29 * column + 28]
        for line in range(lines)
        for column in range(columns)
    ]
    return np.stack(found)


def assert_alike(mine: Pixels, theirs: Pixels) -> None:
    """Equal within one grey level."""
    assert mine.shape == theirs.shape
    assert np.abs(mine.astype(int) - theirs.astype(int)).max() <= 1


def run(browser: Browser, script: str, *values: object) -> Any:
    """What an asynchronous expression of the page gives, with `given` for the values."""
    return browser.driver.execute_async_script(
        "const given = [...arguments].slice(0, -1), done = arguments[arguments.length - 1];"
        f"(async () => {script})().then(done, (error) => done(String(error)));",
        *values,
    )


@pytest.mark.parametrize("name", LATENTS)
def test_latents_are_those_of_the_same_seed_in_tensorflow(
    browser: Browser, labelled: Path, name: str
) -> None:
    show(browser, labelled)
    distribution = distribution_of(name, codes=5)
    for size in (7, 64):
        mine = browser.driver.execute_script(
            "return arguments[0].map((seed) => Array.from(latentsOf(BigInt(seed), arguments[1])))",
            list(map(str, SEEDS)),
            {"latents": name, "latent_dim": size, "codes": distribution.codes},
        )
        int64 = [tf.constant(seed, tf.int64) for seed in SEEDS]
        drawn = [stream_seed(seed, SAMPLING_STREAM) for seed in int64]
        theirs = [distribution((1, size), seed) for seed in drawn]
        np.testing.assert_allclose(mine, np.concatenate(theirs), rtol=0, atol=1e-6)


@pytest.mark.parametrize("codes", [0, 3])
def test_latents_are_moved_as_in_tensorflow(browser: Browser, labelled: Path, codes: int) -> None:
    show(browser, labelled)
    distribution = Distribution(lambda shape, seed: seed, mean=-1.0, codes=codes)
    a, b = np.random.default_rng(0).normal(size=(2, 1, 9)).astype(np.float32)
    about = {"mean": distribution.mean, "codes": codes}
    for value in (0.0, 0.3, 1.0):
        mine = browser.driver.execute_script(
            "const [a, b, value, about] = arguments;"
            "return [truncated(Float32Array.from(a), value, about), between(a, b, value, about)]"
            ".map((each) => Array.from(each))",
            *(a[0].tolist(), b[0].tolist(), value, about),
        )
        fraction = tf.constant([[value]])
        theirs = [distribution.truncated(a, value), distribution.between(a, b, fraction)]
        np.testing.assert_allclose(mine, np.concatenate(theirs), rtol=0, atol=1e-6)


def test_a_hundred_seeds_give_the_images_of_the_saved_model(
    browser: Browser, version: Path
) -> None:
    session = Session(version)
    show(browser, version)
    number, seeds = len(browser.ask("names")), [*SEEDS, *range(93)]
    labels = [seed % number if number else 0 for seed in seeds]
    flat = run(
        browser,
        """{ const images = [];
        for (let start = 0; start < given[0].length; start += ROWS) {
          const rows = given[0].slice(start, start + ROWS).map((seed, place) => ({
            latents: latentsOf(BigInt(seed), model),
            label: given[1][start + place] }));
          images.push(...(await generate(rows)).map((image) => Array.from(image)));
        }
        return images; }""",
        list(map(str, seeds)),
        labels,
    )
    wanted = session("generate", {"seeds": seeds} | ({"labels": labels} if number else {}))
    assert_alike(np.array(flat).reshape(-1, 28, 28, 1), wanted["images"])
    assert wanted["images"].std() > 10
    assert browser.complaints() == []


def test_the_grid_follows_seed_and_truncation(browser: Browser, converted: Path) -> None:
    session = Session(converted)
    show(browser, converted)
    first = session("generate", {"seeds": list(range(16))})["images"]
    assert_alike(images_in(browser, "#grid"), first)
    put(browser, "#seed", -7)
    seeds = list(range(-7, 9))
    browser.find("#truncation").send_keys(LEFT * 6)  # From 1 to 0.7.
    settle(browser)
    assert browser.find("#truncation-is").text == "0.70"
    wanted = session("generate_truncated", {"seeds": seeds, "truncations": [0.7] * 16})["images"]
    assert_alike(images_in(browser, "#grid"), wanted)
    assert "from seed -7 on, truncation 0.7" in browser.find("#grid").get_attribute("aria-label")
    put(browser, "#seed", "12a")
    assert "whole number" in browser.find("#error").text
    assert_alike(images_in(browser, "#grid"), wanted)
    browser.find("#other").click()
    settle(browser)
    assert browser.find("#error").text == ""
    assert not np.array_equal(images_in(browser, "#grid"), wanted)
    put(browser, "#seed", 0)
    put(browser, "#truncation", 1)
    assert_alike(images_in(browser, "#grid"), first)
    assert browser.complaints() == []


def test_the_way_between_two_images_is_that_of_interpolate(
    browser: Browser, labelled: Path
) -> None:
    session = Session(labelled)
    show(browser, labelled)
    for field, value in (("#from", 11), ("#to", 12), ("#class-from", 4), ("#class-to", 9)):
        put(browser, field, value)
    ends = {"seeds_from": [11], "seeds_to": [12], "labels_from": [4], "labels_to": [9]}
    for fraction in (0.0, 0.3, 0.5, 1.0):
        put(browser, "#fraction", fraction)
        wanted = session("interpolate", ends | {"fractions": [fraction]})["images"]
        assert_alike(images_in(browser, "#between"), wanted)
    nine = {name: value * 9 for name, value in ends.items()}
    wanted = session("interpolate", nine | {"fractions": list(np.linspace(0, 1, 9))})["images"]
    assert_alike(images_in(browser, "#strip"), wanted)


def test_classes_and_text_choose_what_is_drawn(browser: Browser, labelled: Path) -> None:
    session = Session(labelled)
    show(browser, labelled)

    def wanted(seeds: list[int], labels: list[int]) -> Pixels:
        found: Pixels = session("generate", {"seeds": seeds, "labels": labels})["images"]
        return found

    every = wanted([seed for seed in range(6) for _ in range(10)], [*range(10)] * 6)
    assert_alike(images_in(browser, "#grid"), every)
    browser.all(".choice")[1 + 3].click()
    settle(browser)
    assert_alike(images_in(browser, "#grid"), wanted(list(range(16)), [3] * 16))
    put(browser, "#text", "2026")
    assert_alike(images_in(browser, "#grid"), wanted([0, 1, 2, 3], [2, 0, 2, 6]))
    put(browser, "#text", "20x6")
    assert browser.find("#error").text == "No class is called “x”."
    put(browser, "#text", "")
    browser.all(".choice")[0].click()
    settle(browser)
    assert_alike(images_in(browser, "#grid"), every)


def test_what_d_thinks_is_what_discriminate_says(browser: Browser, version: Path) -> None:
    from selenium.webdriver import ActionChains

    show(browser, version)
    paper = browser.find("#paper")
    browser.driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", paper)
    blank = canvas(browser, "#paper")
    ActionChains(browser.driver, duration=20).move_to_element_with_offset(
        paper, -50, -60
    ).click_and_hold().move_by_offset(60, 20).move_by_offset(-40, 80).release().perform()
    settle(browser)
    drawn = canvas(browser, "#paper")
    assert (drawn != blank).sum() > 3 * 40
    session, number = Session(version), len(browser.ask("names"))
    labels = list(range(number)) or [0]
    rows = {"images": np.repeat(drawn[np.newaxis, :, :, :1], len(labels), 0)}
    theirs = session("discriminate", rows | ({"labels": labels} if number else {}))
    mine = run(browser, "discriminate(onPaperNow(), given[0])", labels)
    np.testing.assert_allclose(mine["logits"], theirs["logits"], atol=1e-4)
    np.testing.assert_allclose(mine["probabilities"], theirs["probabilities"], atol=1e-5)
    if not number:
        assert browser.find("#verdict").text.endswith(f" {100 * mine['probabilities'][0]:.0f} %.")
    shown = [each.text for each in browser.all("#verdicts .value")]
    assert shown == ([f"{100 * each:.0f} %" for each in mine["probabilities"]] if number else [])
    browser.find("#clear").click()
    settle(browser)
    assert np.array_equal(canvas(browser, "#paper"), blank)
    browser.find("#paper").send_keys(SPACE + DOWN * 5)
    settle(browser)
    assert not np.array_equal(canvas(browser, "#paper"), blank)
    browser.find("#take").click()
    settle(browser)
    assert np.array_equal(canvas(browser, "#paper")[:, :, :1], images_in(browser, "#grid")[0])
    assert browser.complaints() == []


def test_the_grid_can_be_kept_as_a_png(browser: Browser, labelled: Path, tmp_path: Path) -> None:
    allowed = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
    show(browser, labelled)
    put(browser, "#seed", 5)
    browser.find("#download").click()
    kept, limit = tmp_path / "images-5.png", time.monotonic() + 20
    while not kept.exists():
        assert time.monotonic() < limit
        time.sleep(0.05)
    with Image.open(kept) as image:
        assert np.array_equal(np.asarray(image.convert("RGBA")), canvas(browser, "#grid"))
    put(browser, "#seed", 0)


def test_it_fits_phones_and_desks_in_both_schemes(browser: Browser, labelled: Path) -> None:
    papers = set()
    show(browser, labelled)
    for width in (390, 1440):
        for scheme in ("light", "dark"):
            browser.look(width=width, scheme=scheme)
            root = "document.documentElement"
            assert browser.ask(f"{root}.scrollWidth <= {root}.clientWidth")
            assert browser.faint() == []
            papers.add(browser.ask("getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2


def test_no_value_of_the_metadata_becomes_markup(
    browser: Browser, labelled: Path, tmp_path: Path
) -> None:
    metadata = servable.read_metadata(labelled)
    names = [f"{HOSTILE}{n}" for n in range(10)]
    config = metadata["config"] | {"arch": HOSTILE}
    changed = {"dataset": HOSTILE, "licence": HOSTILE, "config": config, "gan_tf": HOSTILE}
    changed |= {"classes": dict.fromkeys(names, 1), "step": 7}
    file = tmp_path / "hostile.html"
    file.write_text(web.page(metadata | changed, {}), encoding="utf-8")
    browser.open(file)
    unloaded(browser)
    assert browser.ask("typeof hacked") == "undefined"
    assert [each.text for each in browser.all(".choice")] == ["All", *names]
    assert HOSTILE in browser.find("h1").text
    assert HOSTILE in browser.driver.title
    assert browser.find("#about").text.count(HOSTILE) == 4
    assert browser.ask("document.querySelectorAll('img').length") == 0


@pytest.mark.parametrize(
    ("shape", "imported", "background", "paper", "pen", "kind"),
    [
        ([28, 28, 1], False, "white", [0, 0, 0, 255], "#ffffff", "28x28, grey"),
        ([32, 32, 1], True, "white", [255, 255, 255, 255], "#000000", "32x32, grey"),
        ([64, 64, 3], True, "navy", [0, 0, 128, 255], "#ffffff", "64x64, colour"),
        ([64, 64, 4], True, "white", [0, 0, 0, 0], "#000000", "64x64, colour, with transparency"),
    ],
)
def test_one_draws_on_what_lies_behind_the_images(
    browser: Browser,
    labelled: Path,
    tmp_path: Path,
    shape: list[int],
    imported: bool,
    background: str,
    paper: list[int],
    pen: str,
    kind: str,
) -> None:
    metadata = servable.read_metadata(labelled)
    config = metadata["config"] | {"background": background}
    changed = {"image_shape": shape, "imported": imported, "config": config}
    file = tmp_path / "page.html"
    file.write_text(web.page(metadata | changed, {}), encoding="utf-8")
    browser.open(file)
    unloaded(browser)
    assert (canvas(browser, "#paper") == paper).all()
    assert browser.ask("at('colour').value") == pen
    assert kind in browser.find("#about").text.splitlines()


def unloaded(browser: Browser) -> None:
    """Waits until a page that was opened from disk says that its networks are not in it."""
    limit = time.monotonic() + 20
    while "needs a web server" not in browser.find("#state").text:
        assert time.monotonic() < limit, browser.find("#state").text
        time.sleep(0.05)


@pytest.fixture
def served(labelled: Path) -> Iterator[str]:
    """The address of a web server that serves the folder."""
    folder = page_of(labelled).with_suffix("")
    handler = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_the_folder_works_on_a_web_server_and_says_that_it_needs_one(
    browser: Browser, labelled: Path, served: str
) -> None:
    browser.driver.get(served)
    settle(browser)
    assert images_in(browser, "#grid").std() > 10
    browser.open(page_of(labelled).with_suffix("") / "index.html")
    unloaded(browser)


def test_it_is_small_enough_to_mail(version: Path) -> None:
    assert page_of(version).stat().st_size < 20e6


def test_a_page_needs_float32_and_the_extra_onnx(
    command: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coarse = command("export", f"--run_dir={trained}", "--web", "--precision=bfloat16")
    assert one_line(coarse) == (
        "gan_tf.export: --precision=bfloat16: --web computes in float32; leave one of them out"
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    reason = re.escape("--web needs more: pip install 'gan_tf[onnx]'")
    with pytest.raises(InputError, match=reason):
        web.to_web(trained / "export" / "1", tmp_path / "web.html")
    assert list(tmp_path.iterdir()) == []
