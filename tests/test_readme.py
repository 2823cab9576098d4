"""The README keeps its word: its programs run and its flags exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import gan_tf
from gan_tf import client, evaluate, export, sample, train
from gan_tf.config.knobs import knobs

ROOT = Path(gan_tf.__file__).parents[1]
README = (ROOT / "README.md").read_text()
ALONE, LIBRARY, OWN_NETWORK = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


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
    output = python(LIBRARY, cwd=tmp_path, home=home)
    assert output.endswith("(16, 28, 28, 1)\n")
    assert (tmp_path / "runs" / "library" / "samples" / "step-00000100.png").exists()


def test_the_export_alone(tmp_path: Path, home: Path, trained: Path) -> None:
    """By the README's Python, and by its shell."""
    export = tmp_path / "runs" / "dcgan-mnist" / "export"
    shutil.copytree(trained / "export", export)
    python(ALONE, cwd=tmp_path, home=home)
    with Image.open(tmp_path / "digit.png") as picture:
        pixels = np.asarray(picture)
    shell = re.search(r"```sh\n(saved_model_cli run .*?)```", README, re.DOTALL)
    assert shell
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"HOME": str(home), "PATH": path}
    command = ["bash", "-ec", shell[1]]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy")[0, ..., 0], pixels)


def test_a_network_of_ones_own(tmp_path: Path, home: Path, data_dir: Path) -> None:
    flags = ("--arch=mine", "--steps=3", "--run_dir=run")
    assert "3 steps (3 of them now)" in python(OWN_NETWORK, *flags, cwd=tmp_path, home=home)
    longer = python(OWN_NETWORK, *flags, "--steps=5", cwd=tmp_path, home=home)
    assert "5 steps (2 of them now)" in longer
    assert (tmp_path / "run" / "export" / "2" / "saved_model.pb").exists()
    sampling = ["-m", "gan_tf.sample", "--run_dir=run", "--num=1"]
    subprocess.run([sys.executable, *sampling], cwd=tmp_path, check=True, capture_output=True)
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


def test_every_flag_that_the_readme_names_exists() -> None:
    others = re.sub(r"(docker|saved_model_cli|curl) (.*\\\n)*.*", "", README)  # Their own flags.
    named = set(re.findall(r"--([a-z_0-9]+)", others)) - {"flagfile", "help", "logdir", "decode"}
    known = {
        knob.name
        for options in (each.Options for each in (train, sample, export, evaluate, client))
        for knob in knobs(options)
    }
    assert named - known == set()


def test_the_flag_table_gives_the_true_defaults() -> None:
    defaults = {knob.name: knob.default for knob in knobs(train.Options)}
    rows = re.findall(r"^\| (`--.*?) \| (.*?) \|", README, re.MULTILINE)
    assert len(rows) > 10
    for names, value in rows:
        flags = re.findall(r"--(\w+)", names)
        values = value.replace("`", "").split(", ")
        for flag, text in zip(flags, values * (len(flags) // len(values)), strict=True):
            if flag not in ("run_dir", "steps", "flagfile"):
                default = defaults[flag]
                assert text == default or float(text) == default, flag


def test_its_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\((.*?)\)", README) if "://" not in link]
    assert len(links) >= 3
    assert [link for link in links if not (ROOT / link).exists()] == []
