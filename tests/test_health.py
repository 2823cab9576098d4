"""Runs that go wrong for real: caught in time, answered as asked, and on record."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_tf.host import archive
from gan_tf.serving import servable
from gan_tf.training import resume

from .conftest import Command, Once, dataset_of, metrics, without_timings
from .processes import Finished, start

FLAGS = Path(__file__).parents[1] / "flags" / "mlp.flags"
MLP = (
    *(f"--flagfile={FLAGS}", "--precision=float32", "--run_dir=run", "--evaluate_images=500"),
    "--export=none",
)


def every(steps: int) -> tuple[str, ...]:
    return (
        f"--evaluate_every={steps}",
        f"--log_every={steps}",
        "--sample_every=100000",
        "--checkpoint_every=100000",
    )


def verdicts(finished: Finished) -> list[str]:
    """What the monitor said, a line each."""
    lines = re.split(r"[\r\n]", finished.stderr)
    return [line[line.index("health: ") :].strip() for line in lines if "health: " in line]


def run_program(text: str, directory: Path, home: Path, *flags: str) -> Finished:
    """Runs a program of one's own, which trains networks of its own, in a directory."""
    (directory / "mine.py").write_text(text)
    return subprocess.run(
        [sys.executable, "mine.py", *flags],
        cwd=directory,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def result(directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((directory / "run" / "result.json").read_text())
    return content


@pytest.mark.parametrize(
    ("kind", "step", "flags"),
    [
        ("no progress", 60, ("--generator_lr=0", "--steps=200", *every(20))),
        (
            "D overpowering",
            150,
            (
                *("--loss=minimax", "--label_smoothing=0", "--steps=400", *every(50)),
                *("--generator_lr=1e-5", "--discriminator_lr=1e-3"),
            ),
        ),
    ],
    ids=["a frozen generator", "a discriminator too strong"],
)
def test_what_is_ill_is_stopped_at_its_second_bad_evaluation(
    command: Command, tmp_path: Path, data_dir: Path, kind: str, step: int, flags: tuple[str, ...]
) -> None:
    finished = command("train", *MLP, *flags, "--on_collapse=stop")
    assert finished.returncode == 1, finished.stderr
    (said,) = verdicts(finished)
    assert said.startswith(f"health: attempt 1, step {step}: {kind}: ")
    last = finished.stderr.strip().splitlines()[-1]
    assert f"{kind} at step {step} of attempt 1" in last
    assert "the best generator, of attempt 1, step " in last
    assert [line.get("health") for line in metrics(tmp_path / "run")[-2:]] == [None, kind]
    (record,) = result(tmp_path)["attempts"]
    assert (record["kind"], record["step"], record["seed"]) == (kind, step, 0)
    exported = command("export", "--run_dir=run")
    assert exported.returncode == 0, exported.stderr


def test_data_of_one_class_is_a_collapse(
    command: Command, tmp_path: Path, mnist: dict[str, np.ndarray]
) -> None:
    ones = mnist["train_labels"] == 1
    only = {name: mnist[name][ones] for name in ("train_images", "train_labels")}
    dataset_of(tmp_path / "ones", "mnist", **mnist | only)
    flags = ("--data_dir=ones", "--generator_lr=5e-4", "--discriminator_lr=5e-4", "--steps=1200")
    few = "--augment=none"  # Which they are.
    finished = command("train", *MLP, *flags, few, *every(100), "--on_collapse=stop")
    assert finished.returncode == 1
    (said,) = verdicts(finished)
    assert re.match(r"health: attempt 1, step \d+: G collapsed: the samples have 0.\d+ times", said)
    bad = [line["step"] for line in metrics(tmp_path / "run") if line["classes"] < 0.3]
    assert result(tmp_path)["attempts"][0]["step"] <= max(bad[0], 500) + 200


def test_absurd_learning_rates_use_up_every_attempt(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = ("--generator_lr=1e6", "--discriminator_lr=1e6", "--checkpoint_every=1")
    finished = command("train", *MLP, *flags, "--steps=500", "--max_restarts=1", "--seed=7")
    assert finished.returncode == 1
    said = verdicts(finished)
    assert len(said) == 2
    for attempt, line in enumerate(said, start=1):
        pattern = rf"health: attempt {attempt}, step \d+: not finite: .* not finite"
        assert re.fullmatch(pattern, line), line
    assert "attempt 2 of at most 2, with seed 8" in finished.stderr
    record = result(tmp_path)
    assert [each["seed"] for each in record["attempts"]] == [7, 8]
    given_up = tmp_path / "run" / "attempts" / "1"
    assert json.loads((given_up / "attempt.json").read_text()) == record["attempts"][0]
    for path in resume.paths(given_up / "checkpoints").values():
        for array in archive.load(path).values():
            assert np.isfinite(array).all()
    assert "Traceback" not in finished.stderr


COLLAPSING = """
import itertools
import sys

import keras

from gan_tf import train
from gan_tf.config import command_line
from gan_tf.models import ARCHITECTURES, Architecture

dcgan = ARCHITECTURES["dcgan"]
built = itertools.count()
collapse = "--collapse" in sys.argv
sys.argv = [each for each in sys.argv if each != "--collapse"]


def generator(latent_dim, image_shape):
    network = dcgan.generator(latent_dim, image_shape, width=32)
    first_attempt = next(built) < 2  # G, and its average.
    if not (collapse and first_attempt):
        return network
    grey = [keras.Input([latent_dim]), network, keras.layers.Rescaling(0.0)]
    return keras.Sequential(grey, name="generator")


def discriminator(image_shape):
    return dcgan.discriminator(image_shape, width=32)


ARCHITECTURES["mine"] = Architecture(generator, discriminator)
sys.exit(command_line.run(train.main, train.Options, "Train a GAN that collapses at first."))
"""


def test_a_run_that_collapses_restarts_and_ends_well(
    tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """The first attempt's generator draws one grey image, whatever its latents and weights."""
    flags = (
        *("--arch=mine", "--run_dir=run", "--precision=float32", "--batch_size=32"),
        *("--evaluate_images=500", "--export=none", "--steps=160", *every(40)),
    )

    finished = run_program(COLLAPSING, tmp_path, home, *flags, "--collapse")
    assert finished.returncode == 0, finished.stderr
    (said,) = verdicts(finished)
    assert said.startswith("health: attempt 1, step 120: no progress: the same samples as at")
    (record,) = result(tmp_path)["attempts"]
    assert (record["attempt"], record["seed"]) == (1, 0)
    lines = metrics(tmp_path / "run")
    failed, good = ([line for line in lines if line["attempt"] == i] for i in (1, 2))
    assert failed[-1]["step"] == record["step"] == 120
    assert good[-1]["step"] == 160, "a restart gets the full budget"
    assert good[-1]["frechet_distance"] < 0.7 * failed[-1]["frechet_distance"]
    assert good[-1]["classes"] > 2 * failed[-1]["classes"]
    assert (tmp_path / "run" / "attempts" / "1" / "samples" / "step-00000000.png").exists()
    assert "best generator: attempt 2, step " in finished.stdout
    # Started again, it knows what has happened and has nothing to do.
    again = run_program(COLLAPSING, tmp_path, home, *flags)
    assert "160 steps (0 of them now)" in again.stdout, again.stderr
    assert metrics(tmp_path / "run") == lines


def test_a_short_run_that_ends_far_off_says_so(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    """One evaluation fell into it, which no rule of two in a row can judge."""
    flags = (*MLP, "--generator_lr=0.5", "--discriminator_lr=0.5", "--batch_size=8", *every(60))
    finished = command("train", *flags, "--steps=60", "--on_collapse=ignore")
    assert finished.returncode == 0, finished.stderr
    (said,) = verdicts(finished)
    assert re.fullmatch(
        r"health: attempt 1, step 60: far off: the losses of G and D are \S+ and \S+ at its end",
        said,
    )
    reason = said.partition("step 60: ")[2]
    assert f"\nhealth: {reason}; lower learning rates are" in finished.stdout
    assert result(tmp_path)["health"] == reason
    assert metrics(tmp_path / "run")[-1]["health"] == "far off"
    # Longer, it is judged where it ends now, and nowhere else; what follows is as asked.
    finished = command("train", *flags, "--steps=90", "--on_collapse=stop")
    assert finished.returncode == 1
    assert "far off at step 90 of attempt 1: the losses of G and D" in finished.stderr
    assert [line.get("health") for line in metrics(tmp_path / "run")] == [None, "far off"]


ASKED = """
import sys
from pathlib import Path

import keras
import numpy as np

from gan_tf import train
from gan_tf.config import command_line
from gan_tf.data.dataset import open_dataset
from gan_tf.models import ARCHITECTURES, Architecture

ill = sys.argv.pop()
images, labels = open_dataset("mnist", Path.home() / "tensorflow_datasets").split("train")
OF_EACH = 64
digits = np.stack([images[np.flatnonzero(labels == c)[:OF_EACH]] for c in range(10)])


def generator(latent_dim, image_shape, *, classes, conditional):
    # Draws real digits, which it goes on learning: of 64 of each class, that of the largest latent.
    latents, asked = keras.Input([latent_dim]), keras.Input([], dtype="int64")
    which = keras.ops.argmax(latents[:, :OF_EACH], axis=-1)
    if ill == "deaf":
        asked_for = keras.ops.argmax(latents[:, OF_EACH:], axis=-1)
    else:  # Class 3 has one picture, whatever z is.
        others = keras.ops.cast(keras.ops.not_equal(asked, 3), which.dtype)
        asked_for, which = asked, which * others
    places = keras.ops.one_hot(keras.ops.cast(asked_for, "int32") * OF_EACH + which, 10 * OF_EACH)
    table = keras.initializers.Constant(digits.reshape(10 * OF_EACH, -1) / 127.5 - 1.0)
    drawn = keras.layers.Dense(784, use_bias=False, kernel_initializer=table)(places)
    return keras.Model([latents, asked], keras.layers.Reshape(image_shape)(drawn))


ARCHITECTURES["mine"] = Architecture(
    generator, ARCHITECTURES["mlp"].discriminator, conditions=("projection",)
)
sys.exit(command_line.run(train.main, train.Options, "Train a GAN that is ill by its labels."))
"""


@pytest.mark.parametrize(
    ("ill", "said"),
    [
        ("alike", r"class collapsed: the samples of class 3 vary 0\.0\d times as much as its .*"),
        ("deaf", r"labels ignored: labels change the samples 0\.0\d times as much as the data"),
    ],
)
def test_labels_that_go_wrong_are_named(ill: str, said: str, tmp_path: Path, home: Path) -> None:
    flags = (
        *("--arch=mine", "--conditional=projection", "--run_dir=run", "--latent_dim=74"),
        *("--batch_size=16", "--evaluate_images=800", "--export=none", "--steps=30", *every(5)),
        *("--generator_lr=5e-3", "--discriminator_lr=1e-4", "--on_collapse=stop"),
    )
    finished = run_program(ASKED, tmp_path, home, *flags, ill)
    assert finished.returncode == 1, finished.stderr
    (line,) = verdicts(finished)
    assert re.fullmatch(rf"health: attempt 1, step 30: {said}", line), line


STANDING = """
import sys

import keras

from gan_tf import train
from gan_tf.config import command_line
from gan_tf.models import ARCHITECTURES, Architecture


def generator(latent_dim, image_shape):
    layers = [keras.layers.Dense(784, "tanh"), keras.layers.Reshape(image_shape)]
    return keras.Sequential([keras.Input([latent_dim]), *layers], name="generator")


def discriminator(image_shape):
    layers = [keras.layers.Flatten(), keras.layers.Dense(1, dtype="float32")]
    return keras.Sequential([keras.Input(image_shape), *layers], name="discriminator")


ARCHITECTURES["tiny"] = Architecture(generator, discriminator)
sys.exit(command_line.run(train.main, train.Options, "Train two small networks."))
"""


def test_a_run_of_two_evaluations_that_came_nowhere_says_so(
    tmp_path: Path, home: Path, data_dir: Path
) -> None:
    flags = ("--arch=tiny", "--run_dir=run", "--generator_lr=0", "--evaluate_images=500")
    finished = run_program(
        STANDING, tmp_path, home, *flags, "--steps=1000", *every(500), "--on_collapse=stop"
    )
    assert finished.returncode == 1
    (said,) = verdicts(finished)
    assert re.match(
        r"health: attempt 1, step 1,000: far off: the Fréchet distance was \d+.\d", said
    )


FINE = (*MLP, "--generator_lr=5e-4", "--discriminator_lr=5e-4", "--ema_decay=0.9", *every(100))


@pytest.fixture(scope="session")
def fine(once: Once, home: Path, mnist: dict[str, Any]) -> Path:
    """A directory with a run of 400 good steps, and data that has gone bad since."""

    def make(directory: Path) -> None:
        process = start("train", *FINE, "--steps=400", cwd=directory, home=home)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        grey = np.full_like(mnist["train_images"], 128)
        grey[::2] = 127  # Images that are all the same would not be judged.
        dataset_of(directory / "bad", "mnist", **mnist | {"train_images": grey})

    return once("fine", make)


@pytest.fixture
def gone_bad(fine: Path, tmp_path: Path) -> tuple[str, ...]:
    """The flags to go on with that run, a copy of its own, on the bad data."""
    shutil.copytree(fine / "run", tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    content = json.loads(path.read_text())
    content["data"]["digest"] = ""  # As older versions left it: it would refuse other images.
    path.write_text(json.dumps(content))
    return (*FINE, f"--data_dir={fine / 'bad'}", "--steps=700")


def test_the_best_is_kept_of_a_run_that_degrades(
    command: Command, tmp_path: Path, gone_bad: tuple[str, ...]
) -> None:
    finished = command("train", *gone_bad, "--on_collapse=ignore", "--export=best")
    assert finished.returncode == 0, finished.stderr
    assert "regression: the Fréchet distance rose from" in verdicts(finished)[-1]
    record = result(tmp_path)
    assert record["best"]["step"] == 400
    assert 3 * record["best"]["frechet_distance"] < record["last"]["frechet_distance"]
    assert "best generator: attempt 1, step 400, Fréchet distance" in finished.stdout
    # The exported artefacts say the same.
    (exported,) = servable.versions(tmp_path / "run" / "export")
    assert servable.load(exported).metadata["step"] == 400
    command("export", "--run_dir=run", "--checkpoint=last", "--output=last")
    scores = []
    for model in (str(exported), "last/1"):
        flags = (f"--saved_model={model}", "--num=1000", "--seeds=0", "--output=scores.json")
        good = "--dataset=mnist"  # Not the bad data that it was trained on in the end.
        assert command("evaluate", *flags, good).returncode == 0
        scores.append(json.loads((tmp_path / "scores.json").read_text()))
    best, last = (score["frechet_distance"]["value"] for score in scores)
    assert 3 * best < last


def test_a_rollback_goes_on_from_the_best(
    command: Command, tmp_path: Path, gone_bad: tuple[str, ...]
) -> None:
    finished = command("train", *gone_bad, "--on_collapse=rollback", "--max_restarts=1")
    lines = metrics(tmp_path / "run")
    first, second = ([line for line in lines if line["attempt"] == i] for i in (1, 2))
    assert "health: attempt 1, step 600: regression: " in verdicts(finished)[0]
    assert "attempt 2 of at most 2, with seed 1" in finished.stderr
    assert finished.stderr.count("resumed at step 400") == 2
    assert (first[-1]["step"], second[0]["step"]) == (600, 500)
    # From the same weights, another course: the seed is the next one.
    assert first[-2]["step"] == 500
    assert first[-2]["discriminator_loss"] != second[0]["discriminator_loss"]


def test_a_run_killed_in_its_second_attempt_ends_as_if_untouched(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    flags = (*MLP[:2], *MLP[3:], "--generator_lr=0", "--steps=200", *every(20))
    flags += ("--checkpoint_every=15", "--max_restarts=1", "--keep_checkpoints=1")
    assert command("train", *flags, "--run_dir=whole").returncode == 1
    process = start("train", *flags, "--run_dir=run", cwd=tmp_path, home=home)
    path = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not path.exists() or '"attempt": 2, "step": 20' not in path.read_text():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.kill()
    process.communicate()
    resumed = command("train", *flags, "--run_dir=run")
    assert resumed.returncode == 1
    assert re.search(r"resumed at step (15|30|45)$", resumed.stderr, re.MULTILINE)
    whole, parts = tmp_path / "whole", tmp_path / "run"
    assert without_timings(metrics(whole)) == without_timings(metrics(parts))
    last = "checkpoints/step-00000045.npz"
    for name in ("best.npz", f"attempts/1/{last}", last):
        mine, theirs = archive.load(whole / name), archive.load(parts / name)
        for key in mine.keys() - {"timing/seconds"}:
            np.testing.assert_array_equal(mine[key], theirs[key], err_msg=key)
