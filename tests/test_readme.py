"""README and docs keep their word: programs run, flags and files exist, links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import ablate
import benchmark
import faults
import judges
import numpy as np
import paper_2014
import pytest
import reproduce
import scaling
import second_judge
import seeds
import stacked_mnist
import torture
import train_classifier
import workers
from PIL import Image

import gan_tf
from gan_tf import client, evaluate, export, sample, train
from gan_tf.config import command_line, presets
from gan_tf.config.knobs import knobs
from gan_tf.evaluation.figures import CLASS_FIGURES, FIGURES
from gan_tf.report import __main__ as report

ROOT = Path(gan_tf.__file__).parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for pattern in ("*.md", "docs/*.md", "gan_tf/data/mnist/*.md")
    for path in sorted(ROOT.glob(pattern))
}
# What was and is no more may stand in the one, what never was in the other.
OF_TODAY = sorted(PAGES.keys() - {"CHANGELOG.md", "docs/bad-input.md"})
COMMANDS: dict[str, Any] = {
    each.__name__.removeprefix("gan_tf.").removesuffix(".__main__"): each.Options
    for each in (train, sample, export, evaluate, report, client)
}
SCRIPTS: dict[str, Any] = {
    each.__name__: each.Options
    for each in (
        ablate,
        benchmark,
        faults,
        judges,
        paper_2014,
        reproduce,
        scaling,
        second_judge,
        seeds,
        stacked_mnist,
        torture,
        train_classifier,
        workers,
    )
}


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page that are in a language, in their order."""
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], re.DOTALL)


(LIBRARY,) = blocks("README.md", "python")
(ALONE,) = blocks("docs/serving.md", "python")
SAMPLING, OWN_NETWORK = blocks("docs/library.md", "python")
(OWN_IMAGES,) = blocks("docs/images.md", "python")
(CLASSES,) = blocks("docs/conditional.md", "python")


def python(program: str, *flags: str, cwd: Path, home: Path, status: int = 0) -> str:
    """Runs a program; returns what it said, on standard error if it was to fail."""
    (cwd / "mine.py").write_text(program)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    finished = subprocess.run(
        [sys.executable, "mine.py", *flags],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == status, finished.stderr
    return finished.stderr if status else finished.stdout


def test_the_library_in_fifteen_lines(tmp_path: Path, home: Path, data_dir: Path) -> None:
    assert len(LIBRARY.splitlines()) <= 15
    shorter = LIBRARY.replace("steps=100", "steps=10")
    assert shorter != LIBRARY
    output = python(shorter, cwd=tmp_path, home=home)
    assert output.endswith("(16, 28, 28, 1)\n")
    assert (tmp_path / "runs" / "library" / "samples" / "step-00000010.png").exists()
    assert python(SAMPLING, cwd=tmp_path, home=home).endswith("(16, 28, 28, 1) 10\n")


def test_every_program_is_run() -> None:
    programs = [program for page in PAGES for program in blocks(page, "python")]
    assert sorted(programs) == sorted([LIBRARY, ALONE, SAMPLING, OWN_NETWORK, OWN_IMAGES, CLASSES])


def test_the_export_alone(tmp_path: Path, home: Path, trained: Path) -> None:
    """By the page's Python, and by its shell."""
    export = tmp_path / "runs" / "dcgan-mnist" / "export"
    shutil.copytree(trained / "export", export)
    python(ALONE, cwd=tmp_path, home=home)
    with Image.open(tmp_path / "digit.png") as picture:
        pixels = np.asarray(picture)
    (shell,) = (each for each in blocks("docs/serving.md", "sh") if "saved_model_cli" in each)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"HOME": str(home), "PATH": path}
    command = ["bash", "-ec", shell]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy")[0, ..., 0], pixels)


def test_a_class_on_request(tmp_path: Path, home: Path, conditional: Path) -> None:
    shutil.copytree(conditional / "export", tmp_path / "runs" / "digits" / "export")
    assert python(CLASSES, cwd=tmp_path, home=home).startswith("(4, 28, 28, 1) {'0': 5923, ")


def test_images_of_ones_own(tmp_path: Path, home: Path) -> None:
    program = OWN_IMAGES.replace("500", "50").replace("steps=20", "steps=2, batch_size=4")
    assert program != OWN_IMAGES
    assert python(program, cwd=tmp_path, home=home).endswith("runs/mine/export/1\n")


def test_a_network_of_ones_own(tmp_path: Path, home: Path, data_dir: Path) -> None:
    flags = ("--arch=mine", "--steps=3", "--run_dir=run")
    assert "3 steps (3 of them now)" in python(OWN_NETWORK, *flags, cwd=tmp_path, home=home)
    longer = python(OWN_NETWORK, *flags, "--steps=5", cwd=tmp_path, home=home)
    assert "5 steps (2 of them now)" in longer
    assert (tmp_path / "run" / "export" / "2" / "saved_model.pb").exists()
    few = ("--arch=mine", "--workers=2", "--steps=1", "--evaluate_every=0", "--export=none")
    assert "1 steps (1 of them now)" in python(OWN_NETWORK, *few, cwd=tmp_path, home=home)
    for other in (["gan_tf.sample", "--num=1"], ["gan_tf.evaluate", "--num=100", "--seeds=0"]):
        line = [sys.executable, "-m", *other, "--run_dir=run"]
        subprocess.run(line, cwd=tmp_path, check=True, capture_output=True)
    usage = python(OWN_NETWORK, "--help", cwd=tmp_path, home=home)
    assert usage.startswith("usage: python mine.py [")
    assert " mine. Default dcgan." in " ".join(usage.split())


def test_a_discriminator_that_mixes_images_cannot_learn_simultaneously(
    tmp_path: Path, home: Path, data_dir: Path
) -> None:
    mixing = (
        "lambda shape: keras.Sequential([keras.Input(shape), keras.layers.Flatten(), "
        "keras.layers.BatchNormalization(), keras.layers.Dense(1, dtype='float32')])"
    )
    program = OWN_NETWORK.replace('ARCHITECTURES["mlp"].discriminator', mixing)
    assert program != OWN_NETWORK
    flags = ("--arch=mine", "--steps=2", "--run_dir=run", "--evaluate_every=0")
    told = python(program, *flags, "--update=simultaneous", cwd=tmp_path, home=home, status=2)
    assert "must judge each image on its own" in told.splitlines()[-1]
    assert "2 steps (2 of them now)" in python(program, *flags, cwd=tmp_path, home=home)


@pytest.mark.parametrize("page", OF_TODAY)
def test_every_flag_that_a_page_names_exists(page: str) -> None:
    """It is a flag of a command, or of a script that the page names."""
    foreign = r"(docker|saved_model_cli|curl|sed|ruff|tensorboard|scripts/test) (.*\\\n)*.*"
    text = re.sub(foreign, "", PAGES[page])  # Their own flags.
    named = set(re.findall(r"--([a-z_0-9]+)", text)) - {"flagfile", "help"}
    scripts = [options for name, options in SCRIPTS.items() if f"scripts/{name}" in text]
    known = {knob.name for each in (*COMMANDS.values(), *scripts) for knob in knobs(each)}
    assert named - known == set()


def test_every_command_in_a_block_has_the_flags_that_it_is_shown_with() -> None:
    """And takes their values."""
    shown = []
    for page in OF_TODAY:
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                name = re.search(
                    r"(?:-m gan_tf\.|^gan_tf )(\w+)|scripts/(quickstart)", " ".join(words)
                )
                if name:
                    flags = [word for word in words if word.startswith("--") and word != "--help"]
                    command_line.parse(COMMANDS[name[1] or "train"], flags)
                    shown.append(name[1] or "train")
    assert set(shown) == set(COMMANDS)


def test_the_flag_tables_are_whole_and_give_the_true_defaults() -> None:
    defaults = {knob.name: knob.default for knob in knobs(train.Options)}
    rows = re.findall(r"^\| (`--.*?) \| (.*?) \|", PAGES["docs/training.md"], re.MULTILINE)
    told = []
    for names, value in rows:
        flags = re.findall(r"--(\w+)", names)
        values = value.replace("`", "").split(", ")
        for flag, text in zip(flags, values * (len(flags) // len(values)), strict=True):
            told.append(flag)
            default = defaults[flag]
            if default is not None:
                assert text == str(default).lower() or float(text) == default, flag
    assert sorted(told) == sorted(defaults)


def test_the_tables_of_presets_and_figures_are_whole() -> None:
    def rows(text: str) -> list[str]:
        return re.findall(r"^\| `(\w+)`(?:, `(\w+)`)?", text, re.MULTILINE)

    def names(text: str) -> list[str]:
        return sorted(name for row in rows(text) for name in row if name)

    assert names(PAGES["README.md"]) == list(presets.NAMES)
    described, reached = PAGES["docs/presets.md"].split("## What each of them reaches")
    assert names(described) == names(reached) == list(presets.NAMES)
    defined, measured = PAGES["docs/evaluation.md"].split("## The default run")
    defined, by_class = defined.split("## By class")
    assert names(defined) == names(measured) == sorted(FIGURES)
    assert names(by_class) == sorted(CLASS_FIGURES)


@pytest.mark.parametrize("page", list(PAGES))
def test_its_links_lead_somewhere(page: str) -> None:
    links = [link for link in re.findall(r"\]\((.*?)\)", PAGES[page]) if "://" not in link]
    assert len(links) >= 10 or page != "README.md"
    for link in links:
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """What the headings of a page are linked by."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", OF_TODAY)
def test_paths_and_links_to_files_lead_somewhere(page: str) -> None:
    """Files of this repository that a page names without a link."""
    named = re.findall(r"`((?:gan_tf|tests|scripts|flags|docs)/[a-z0-9_/.-]*)`", PAGES[page])
    assert [path for path in named if not (ROOT / path).exists()] == []
