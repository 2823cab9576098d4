"""The report: of whole, old, damaged and hostile runs, of several; in files and in a browser."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan_tf
from gan_tf.host import files
from gan_tf.report import images
from gan_tf.training import accounts, reporting, showing

from .browsing import Browser, browser
from .conftest import Command, Once, dataset_of, one_line
from .processes import run_warm
from .test_old_runs import PACKED

__all__ = ["browser"]

HOSTILE = "</script><script>hacked=1</script><img src=x onerror=hacked=1>\"'&"
CSS = (Path(gan_tf.__file__).parent / "report" / "assets" / "page.css").read_text()
WIDTHS, SCHEMES = (390, 1440), ("light", "dark")
LEFT, SPACE = "\ue012", " "  # Keys.


class Page(HTMLParser):
    """A page as a parser sees it that is not ours: its elements, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._texts: list[str] = []
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self._texts.append(data)

    def values(self, tag: str, name: str) -> list[str]:
        return [found[name] or "" for each, found in self.elements if each == tag and name in found]


def without(run: Path, place: Path, *names: str) -> Path:
    """A copy of a run without some of its files; what is left is small."""
    ignored = shutil.ignore_patterns("*.npz", "tensorboard", *names)
    shutil.copytree(run, place, ignore=ignored)
    return place


@pytest.fixture(scope="session")
def old(once: Once) -> Path:
    """The run of version 0.1.0 that failed in its second attempt."""

    def unpack(place: Path) -> None:
        with tarfile.open(PACKED) as packed:
            packed.extractall(place, filter="data")

    return once("old-run", unpack) / "run"


@pytest.fixture(scope="session")
def hostile(once: Once, trained: Path) -> Path:
    """A run directory in which everything that is text tries to be markup, and much is damaged."""

    def spoil(place: Path) -> None:
        run = without(trained, place / "<b>run&amp;", "export", "report.html")
        content = json.loads((run / "config.json").read_text())
        content["config"] |= {"arch": HOSTILE, "loss": {"a": 1}, HOSTILE: HOSTILE + "\0\ud800"}
        content["data"] |= {"licence": f"</style>{HOSTILE}", "name": HOSTILE, "image_shape": "x"}
        (run / "config.json").write_text(json.dumps(content))
        record = {"failed": True, "attempts": [{"kind": HOSTILE, "step": "3", "reason": HOSTILE}]}
        (run / "result.json").write_text(json.dumps(record))
        lines = (run / "metrics.jsonl").read_text().splitlines()
        lines[5] = json.dumps(json.loads(lines[5]) | {"health": HOSTILE, "d_real": float("nan")})
        lines[9] = HOSTILE
        (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
        grid = run / "samples" / "step-00000050.png"
        grid.write_bytes(grid.read_bytes()[:2000])

    return once("hostile-run", spoil) / "<b>run&amp;"


@pytest.fixture(scope="session")
def pages(once: Once, home: Path, trained: Path, old: Path, hostile: Path) -> Path:
    """A directory with `run.html`, `hostile.html`, `several.html`, by the command."""

    def make(place: Path) -> None:
        for name, runs in (
            ("run", [trained]),
            ("old", [old]),
            ("hostile", [hostile]),
            ("several", [trained, old, hostile]),
        ):
            flags = (f"--run_dirs={','.join(map(str, runs))}", f"--output={name}.html")
            finished = run_warm("report", *flags, cwd=place, home=home, timeout=100)
            assert (finished.returncode, finished.stdout) == (0, f"{name}.html\n"), finished.stderr

    return once("reports", make)


def test_a_run_is_told_in_one_file(pages: Path) -> None:
    page = Page(pages / "run.html")
    assert (pages / "run.html").stat().st_size < 5_000_000
    assert all(source.startswith("data:") for source in page.values("img", "src"))
    assert all(link.startswith("#") for link in page.values("a", "href"))
    assert not {"link", "iframe", "object", "form"} & {tag for tag, _ in page.elements}
    assert all(page.values("img", "alt"))
    assert len(page.values("img", "alt")) == len(page.values("img", "src"))
    for said in (
        *("dcgan on mnist, images of 28x28x1 finished", "step 50", "step 150", "mnist-v1"),
        *("D learns, then G, as in Algorithm 1", "--steps=150", "log_every 10", "CC BY-SA 3.0"),
        *("Interpolation", "Truncation", "Nearest real images", "of 10,000 training images"),
        "This file holds some of the images that the run was trained on.",
    ):
        assert said in page.text, said


def test_a_run_ends_with_its_report_but_without_training_images(conditional: Path) -> None:
    page = Page(conditional / "report.html")
    result = json.loads((conditional / "result.json").read_text())
    assert result["report"] == str(conditional / "report.html")
    assert f"Generator {result['parameters']['generator']:,} parameters" in page.text
    assert "A row is a class: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9." in page.text
    assert "training images" not in page.text


def test_a_run_ends_with_its_paths_and_what_can_be_done_next(conditional: Path) -> None:
    _, paths, following = (conditional / "stdout.txt").read_text().split("\n\n")
    named = dict(re.findall(r"^  (.*?)  +(/.*)$", paths, re.MULTILINE))
    assert list(named) == ["report", "samples", "SavedModel", "run directory"]
    assert all(Path(path).exists() for path in named.values())
    title, *commands = following.splitlines()
    assert title == "next:"
    assert [line.split()[2] for line in commands] == ["gan_tf.sample", "gan_tf.report"]


def test_a_row_is_a_class_where_the_generator_knows_any(conditional: Path) -> None:
    account = accounts.read(conditional)
    account = showing.with_drawings(account, conditional, training_images=False)
    assert account.missing == ()
    assert [each.title for each in account.drawings] == ["Interpolation", "Truncation"]
    for each in account.drawings:
        assert each.rows == ["0", "1", "2", "3"]
        assert len(np.unique(each.images, axis=0)) == 4


def test_training_images_are_left_out_on_request(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    finished = command("report", f"--run_dirs={trained}", "--no_training_images")
    assert finished.returncode == 0, finished.stderr
    text = Page(tmp_path / "report.html").text
    assert "Truncation" in text
    assert "Nearest real images" not in text
    assert "images that the run was trained on" not in text


def test_a_page_shows_no_other_images_as_those_of_training(
    tmp_path: Path, trained: Path, mnist: dict[str, np.ndarray]
) -> None:
    """Another dataset may lie by the same name where the run's was."""
    dataset_of(tmp_path, "mnist", **{name: array[:800] for name, array in mnist.items()})
    account = accounts.read(trained)
    account = dataclasses.replace(account, flags={**account.flags, "data_dir": str(tmp_path)})
    account = showing.with_drawings(account, trained, training_images=True)
    assert [each.title for each in account.drawings] == ["Interpolation", "Truncation"]
    assert "holds other images than those that it was trained on" in account.missing[-1]


def test_a_report_without_an_export_needs_no_tensorflow(tmp_path: Path, trained: Path) -> None:
    without(trained, tmp_path / "run", "export")
    program = (
        "import runpy, sys\n"
        "sys.argv = ['report', '--run_dirs=run']\n"
        "try:\n"
        "    runpy.run_module('gan_tf.report', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as ended:\n"
        "    print(ended.code, {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))\n"
    )
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert finished.stdout == "report.html\n0 set()\n", finished.stderr


def test_the_figures_of_an_evaluation_are_shown(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    run = without(trained, tmp_path / "run")
    flags = ("--run_dir=run", "--num=1000", "--seeds=0,1", "--output=run/scores.json")
    assert command("evaluate", *flags).returncode == 0
    card = json.loads((run / "scores.json").read_text())
    account = accounts.read(run)
    precision = {figure.name: figure for figure in account.figures}["precision"]
    assert precision.value == f"{card['precision']['value']:.4f}"
    assert precision.real == f"{card['precision']['floor']:.4f}"
    assert precision.interval.startswith(f"{card['precision']['low']:.4f} to ")
    assert (
        account.judged
        == "step 150: 1,000 samples of each of 2 seeds, against test images, judged by mnist-v1"
    )
    assert card["digest"]
    # So few images may be held out that nothing is said of real ones; they are its all the same.
    for name in (figure.name for figure in account.figures):
        card[name] |= {"floor": None}
    (run / "scores.json").write_text(json.dumps(card))
    page = command("report", "--run_dirs=run", "--output=few.html")
    assert page.returncode == 0, page.stderr
    text = Page(tmp_path / "few.html").text
    assert "Too few images are held out to say what real ones score." in text
    assert "The run's own figures" not in text
    # Nor do those of a more exact export say how good a coarser one is.
    assert card["computed_in"] == "float32"
    (run / "scores.json").write_text(json.dumps(card | {"computed_in": "bfloat16"}))
    assert accounts.read(run).judged == "2,000 samples, judged by mnist-v1"
    # Those of an export before say nothing of the generator.
    (run / "scores.json").write_text(json.dumps(card | {"checkpoint": "another"}))
    assert accounts.read(run).judged == "2,000 samples, judged by mnist-v1"
    # Nor do those of other data of the same name, or of whatever a run without an export drew.
    (run / "scores.json").write_text(json.dumps(card | {"digest": "another"}))
    assert accounts.read(run).judged == "2,000 samples, judged by mnist-v1"
    (run / "scores.json").write_text(json.dumps(card))
    shutil.rmtree(run / "export")
    assert accounts.read(run).judged == "2,000 samples, judged by mnist-v1"


def test_values_that_nobody_writes_are_told_as_damage(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    run = without(trained, tmp_path / "run", "export", "report.html", "result.json")
    (run / "result.json").write_text("[" * 100_000)
    os.mkfifo(run / "scores.json")
    large = 10**400
    lines = [json.loads(text) for text in (run / "metrics.jsonl").read_text().splitlines()]
    lines = [line | {"d_real": large, "frechet_distance": large, "step": large} for line in lines]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    content = json.loads((run / "config.json").read_text())
    content["config"] |= {"generator_lr": large, "r1_gamma": large, "label_smoothing": large}
    (run / "config.json").write_text(json.dumps(content))
    finished = command("report", "--run_dirs=run")
    assert finished.returncode == 0, finished.stderr
    assert "result.json: is not JSON" in Page(tmp_path / "report.html").text


def test_a_run_of_version_0_1_0_is_told(pages: Path) -> None:
    text = Page(pages / "old.html").text
    assert "lightning_cnn on mnist failed" in text
    assert "Attempt 1 was given up: no progress at step 6" in text
    assert "It failed: no progress at step 6" in text


def test_of_a_damaged_run_is_told_what_is_left(pages: Path, hostile: Path) -> None:
    page = Page(pages / "hostile.html")
    assert f"{hostile}/metrics.jsonl: line 10 must be metrics" in page.text
    assert "Damaged, and left out: the grid of step 50." in page.text
    assert len(page.values("ol", "class")) == 1
    assert f"licence of the images </style>{HOSTILE}".lower() in page.text.lower()
    assert HOSTILE in page.text
    assert [tag for tag, _ in page.elements].count("script") == 2 + 2  # Code, and two charts.
    assert "onerror" not in {name for _, found in page.elements for name in found}


def test_only_half_a_run_directory_is_left(command: Command, tmp_path: Path) -> None:
    (tmp_path / "run" / "samples").mkdir(parents=True)
    (tmp_path / "run" / "config.json").write_text("[1")
    finished = command("report", "--run_dirs=run")
    assert finished.returncode == 0, finished.stderr
    text = Page(tmp_path / "report.html").text
    for said in ("config.json: is not JSON", "metrics.jsonl: holds no line", "no grid of samples"):
        assert said in text


def test_a_report_takes_no_place_of_another_runs(command: Command, tmp_path: Path) -> None:
    for name in ("run", "other"):
        (tmp_path / name / "samples").mkdir(parents=True)
        (tmp_path / name / "config.json").write_text('{"gan_tf": "0.3.0"}')
    for runs in ("run", "run,other"):
        line = one_line(command("report", f"--run_dirs={runs}", "--output=other/report.html"))
        assert "--output=other/report.html: belongs to the run in other" in line
    assert not (tmp_path / "other" / "report.html").exists()
    own = command("report", "--run_dirs=run", "--output=run/report.html")
    assert own.returncode == 0, own.stderr


def test_a_moved_run_is_told_where_it_lies(command: Command, tmp_path: Path, trained: Path) -> None:
    """And its name may hold the comma that stands between several."""
    moved = tmp_path / "lr=1,k=2"
    shutil.copytree(trained, moved, ignore=shutil.ignore_patterns("export"))
    finished = command("report", f"--run_dirs={moved}", "--output=moved.html")
    assert finished.returncode == 0, finished.stderr
    many = ",".join(f"run-{number}" for number in range(100))
    assert "run-0: must be a run directory" in one_line(command("report", f"--run_dirs={many}"))
    assert f"--run_dir={moved}" in (tmp_path / "moved.html").read_text().replace("&#39;", "'")


def test_several_runs_stand_side_by_side(pages: Path) -> None:
    page = Page(pages / "several.html")
    assert "3 runs" in page.text
    # Two are called the same, so they are named by their paths.
    assert "Samples of seed 0, as gan_tf.sample draws them, where a run has an export" in page.text
    assert "arch" in page.text.partition("Flags in which they differ")[2]
    assert "data_dir" not in page.text.rpartition("Flags in which they differ")[2]


def test_two_hundred_runs_are_told_in_a_minute(tmp_path: Path, old: Path) -> None:
    small = without(old, tmp_path / "small", "export")
    runs = [tmp_path / f"run-{number}" for number in range(200)]
    for each in runs:
        shutil.copytree(small, each)
    start = time.monotonic()
    reporting.compare(runs, tmp_path / "many.html")
    assert time.monotonic() - start < 60
    assert (tmp_path / "many.html").stat().st_size < 8_000_000
    assert len(Page(tmp_path / "many.html").values("img", "alt")) == 200


def test_a_report_that_fails_is_one_line_of_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reporting.write_at_the_end(tmp_path) is None
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith(f"warning: {tmp_path / 'report.html'} was not written: ")


def test_a_run_is_watched_until_it_ends(tmp_path: Path, trained: Path) -> None:
    run, output = without(trained, tmp_path / "run", "export", "result.json"), tmp_path / "w.html"
    command = [sys.executable, "-m", "gan_tf.report", "--run_dirs=run", "--watch"]
    with files.locked(run / "run.lock"):
        watching = subprocess.Popen([*command, f"--output={output}"], cwd=tmp_path)
        while not output.exists():
            assert watching.poll() is None
            time.sleep(0.1)
        page = Page(output)
        assert "still training" in page.text
        assert "follow" in page.values("p", "id")
        shutil.copy(trained / "result.json", run)
    assert watching.wait(20) == 0
    page = Page(output)
    assert "finished" in page.text
    assert "follow" not in page.values("p", "id")


def test_a_film_is_as_small_as_asked(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 260, 260, 3), np.uint8)
    frames = {}
    for step, pixels in enumerate(noise):
        frames[step] = tmp_path / f"{step}.png"
        Image.fromarray(pixels).save(frames[step])
    film = images.film(frames, 200_000)
    assert sum(each.bytes for each in film.pictures.values()) < 220_000
    assert {0, 11} <= set(film.pictures)
    assert len(film.pictures) >= 4


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_and_curves_stand_out(scheme: str) -> None:
    """By WCAG 2.2: 4.5 to 1 for text, 3 to 1 for what is drawn."""
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w+);", light if scheme == "light" else dark))
    for name in ("ink", "quiet", "link", "good", "bad", "busy", *(f"c{at}" for at in range(8))):
        least = 3.0 if name.startswith("c") else 4.5
        for behind in ("paper", "card"):
            assert contrast(colours[name], colours[behind]) >= least, (name, behind)
    assert contrast(colours["ink"], colours["notice"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["run", "old", "hostile", "several"])
def test_a_browser_shows_it_and_asks_for_nothing(browser: Browser, pages: Path, name: str) -> None:
    page = pages / f"{name}.html"
    for width in WIDTHS:
        for scheme in SCHEMES:
            browser.open(page, width=width, scheme=scheme)
            seen = f"{name} at {width}, {scheme}"
            assert browser.complaints() == [], seen
            assert browser.requests() == [page.as_uri()], seen
            wide, window = "scrollWidth", "clientWidth"
            root = "document.documentElement"
            assert browser.ask(f"{root}.{wide} <= {root}.{window}"), seen
            assert browser.ask("document.querySelectorAll('.chart canvas').length") >= 2, seen
            assert browser.ask("[...document.images].every(each => each.naturalWidth > 0)"), seen
            assert browser.ask("typeof hacked") == "undefined", seen
            assert browser.faint() == [], seen


def test_the_slider_moves_the_pictures(browser: Browser, pages: Path) -> None:
    browser.open(pages / "run.html")
    shown = [each for each in browser.all(".film li") if each.is_displayed()]
    assert [each.get_attribute("data-label") for each in shown] == ["step 150"]
    slider = browser.find(".player input")
    slider.send_keys(LEFT)
    shown = [each for each in browser.all(".film li") if each.is_displayed()]
    assert [each.get_attribute("data-label") for each in shown] == ["step 100"]
    assert browser.find(".player output").text == "step 100"
    assert slider.get_attribute("aria-valuetext") == "step 100"
    browser.find(".player button").click()
    deadline = time.monotonic() + 10
    while browser.find(".player output").text != "step 150":
        assert time.monotonic() < deadline
    assert browser.complaints() == []


@pytest.mark.parametrize("name", ["run", "several"])
def test_legends_hide_and_show_curves(browser: Browser, pages: Path, name: str) -> None:
    browser.open(pages / f"{name}.html")
    _, first, second = browser.all(".chart")[1].find_elements("css selector", ".u-series th")[:3]

    def pressed() -> list[str]:
        return [each.get_attribute("aria-pressed") for each in (first, second)]

    assert pressed() == ["true", "true"]
    first.click()
    assert pressed() == ["false", "true"]
    second.send_keys(SPACE)
    assert pressed() == ["false", "false"]
    second.send_keys(SPACE)
    first.click()
    assert pressed() == ["true", "true"]
    assert browser.complaints() == []


def test_charts_go_over_seconds_and_zoom(browser: Browser, pages: Path) -> None:
    from selenium.webdriver import ActionChains

    browser.open(pages / "run.html")
    bounds = "(({min, max}) => [min, max])(plots[0].plot.scales.x)"
    assert browser.ask(bounds) == [10, 150]
    browser.find(".toggle input[value=seconds]").click()
    _, seconds = browser.ask(bounds)
    assert seconds != 150
    assert browser.find(".u-legend .u-label").text.startswith("seconds")
    area = browser.find(".chart .u-over")
    drag = ActionChains(browser.driver, duration=50).move_to_element_with_offset(area, -60, 0)
    drag.click_and_hold().move_by_offset(120, 0).release().perform()
    low, high = browser.ask(bounds)
    assert high - low < 0.8 * seconds
    browser.find(".toggle button").click()
    assert browser.ask(bounds)[1] == seconds
    assert browser.complaints() == []


def test_it_can_be_read_without_scripts(browser: Browser, pages: Path) -> None:
    with browser.without_scripts():
        browser.open(pages / "run.html", width=390)
        assert [each.is_displayed() for each in browser.all(".film img")] == [True] * 4
        assert [each.is_displayed() for each in browser.all(".chart svg")] == [True] * 4
        assert browser.all(".chart canvas") == []
