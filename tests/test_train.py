"""`python -m gan_tf.train` on real MNIST: what appears, what resumes, what is refused."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_tf.config import Config
from gan_tf.host import archive, devices
from gan_tf.host.errors import TrainingFailedError
from gan_tf.report import comparison
from gan_tf.serving import servable
from gan_tf.training import accounts, exporting, grids, resume
from gan_tf.training.run import train

from .conftest import (
    MNIST_SHAPE,
    Command,
    assert_same_bits,
    checkpoint,
    dataset_of,
    executed,
    metrics,
    numbers,
    one_line,
)
from .processes import start

SHORT = (
    *("--batch_size=16", "--log_every=1", "--sample_every=2", "--checkpoint_every=2"),
    *("--evaluate_every=2", "--evaluate_images=100", "--export=none"),
)
BARE = ("--evaluate_every=0", "--export=none")  # Where nobody looks at figures or the export.


def test_a_run_leaves_what_it_promises(trained: Path) -> None:
    entries = {path.name for path in trained.iterdir()}
    assert entries >= {
        "config.json",
        "checkpoints",
        "curves.png",
        "export",
        "metrics.jsonl",
        "samples",
        "samples.gif",
        "tensorboard",
    }
    assert list(resume.paths(trained / "checkpoints")) == [120, 150]
    assert [p.name for p in (trained / "export").glob("[!.]*")] == ["1"]
    assert not list(trained.rglob(".*.tmp")), "temporary files are left over"
    grids = sorted((trained / "samples").iterdir())
    assert [path.name for path in grids] == [f"step-{n:08d}.png" for n in (0, 50, 100, 150)]
    with Image.open(trained / "samples.gif") as gif:
        assert getattr(gif, "n_frames", 1) == 4
    for path in [*grids, trained / "curves.png"]:
        with Image.open(path) as picture:
            picture.verify()


def test_it_ends_by_naming_everything_and_the_next_command(trained: Path) -> None:
    output = (trained / "stdout.txt").read_text()
    for path in ("report.html", "samples/step-00000150.png", "export/1", ""):
        assert f" {trained / path}\n" in output
    assert f"  python -m gan_tf.sample --run_dir={trained} --output=samples.png\n" in output
    assert f"  python -m gan_tf.evaluate --run_dir={trained}\n" in output
    assert f"  python -m gan_tf.report --run_dirs={trained}\n" in output
    assert "150 steps (150 of them now)" in output


def test_it_says_what_it_trains_where_and_on_what(trained: Path) -> None:
    said = (trained / "stderr.txt").read_text()
    assert "dcgan on mnist: 60,000 images, 150 steps of 64 images" in said
    assert re.search(r"^device: (CPU, \d+ cores|.*GPU.*|NVIDIA.*), (bfloat16|float32)$", said, re.M)
    assert f"run directory: {trained}\n" in said
    assert "img/s, G " in said
    assert "D(G(z)) " in said


def test_metrics_are_whole_and_the_losses_move(trained: Path) -> None:
    lines = metrics(trained)
    assert [line["step"] for line in lines] == list(range(10, 151, 10))
    for line in lines:
        assert line["images_per_second"] > 0
        assert 0 < line["d_fake"] < 1
        assert 0 < line["d_real"] < 1
        assert line["epoch"] == pytest.approx(line["step"] * 64 / 60_000, abs=1e-4)
    losses = np.array([[line["generator_loss"], line["discriminator_loss"]] for line in lines])
    assert np.isfinite(losses).all()
    assert (losses.std(axis=0) > 0.02).all()
    apart = [line["d_real"] - line["d_fake"] for line in lines]
    assert max(apart) > 0.1, "D learns to tell them apart"
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)


def test_samples_come_to_look_like_the_data(trained: Path) -> None:
    """Digits are mostly black with some white; noise at step 0 is grey."""

    def grey_share(step: int) -> float:
        with Image.open(trained / "samples" / f"step-{step:08d}.png") as picture:
            pixels = np.asarray(picture)
        return float(np.mean((pixels > 32) & (pixels < 224)))

    assert grey_share(0) > 0.8
    assert grey_share(150) < 0.4


def test_tensorboard_shows_the_same_numbers(trained: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(trained / "tensorboard"), size_guidance={"tensors": 0})
    accumulator.Reload()
    shown = accumulator.Tensors("generator_loss")
    lines = metrics(trained)
    assert [event.step for event in shown] == [line["step"] for line in lines]
    values = [float(tf.make_ndarray(event.tensor_proto)) for event in shown]
    np.testing.assert_allclose(values, [line["generator_loss"] for line in lines], rtol=1e-6)
    grids = accumulator.Tensors("samples")
    assert [event.step for event in grids] == [0, 50, 100, 150]
    assert accumulator.SummaryMetadata("samples").plugin_data.plugin_name == "images"
    for event in grids:
        width, height, png = tf.make_ndarray(event.tensor_proto)
        path = trained / "samples" / f"step-{event.step:08d}.png"
        assert png == path.read_bytes()
        with Image.open(path) as picture:
            assert (int(width), int(height)) == picture.size


def test_the_configuration_is_kept(trained: Path) -> None:
    content = json.loads((trained / "config.json").read_text())
    config = Config.from_json(content["config"], "test")
    assert config == dataclasses.replace(
        Config().resolved(),
        run_dir=str(trained),
        data_dir=config.data_dir,
        steps=150,
        log_every=10,
        sample_every=50,
        checkpoint_every=40,
        keep_checkpoints=2,
    ).follow(MNIST_SHAPE, 60_000)


@pytest.mark.parametrize(
    "flags",
    [
        ("--arch=mlp", "--precision=float32", "--deterministic"),
        # Where `auto` is float32, it is one run.
        *(
            ("--arch=dcgan", f"--precision={precision}")
            for precision in sorted({"float32", devices.faster_precision()})
        ),
    ],
    ids=lambda flags: " ".join(flags).replace("--", ""),
)
def test_two_and_two_steps_are_four(
    command: Command, tmp_path: Path, data_dir: Path, flags: tuple[str, ...]
) -> None:
    common = (*flags, *SHORT)
    whole = command("train", *common, "--run_dir=whole", "--steps=4")
    assert (whole.returncode, executed(whole.stdout)) == (0, 4), whole.stderr
    first = command("train", *common, "--run_dir=parts", "--steps=2")
    assert (first.returncode, executed(first.stdout)) == (0, 2), first.stderr
    lines = metrics(tmp_path / "parts")
    second = command("train", *common, "--run_dir=parts", "--steps=4")
    assert "resumed at step 2" in second.stderr
    assert executed(second.stdout) == 2, "it started over"
    # Had steps 1 and 2 been run again, their timings would differ.
    assert metrics(tmp_path / "parts")[:2] == lines
    assert_same_bits(tmp_path / "whole", tmp_path / "parts", 4)
    names = [p.name for p in sorted((tmp_path / "parts" / "samples").iterdir())]
    for name in names:
        mine, theirs = (tmp_path / run / "samples" / name for run in ("whole", "parts"))
        assert mine.read_bytes() == theirs.read_bytes()
    assert len(names) == 3


def test_a_run_cut_between_cadences_goes_on_as_if_untouched(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    common = ("--arch=mlp", "--batch_size=16", "--log_every=4", "--checkpoint_every=5", *BARE)
    command("train", *common, "--run_dir=whole", "--steps=10")
    command("train", *common, "--run_dir=parts", "--steps=7")
    command("train", *common, "--run_dir=parts", "--steps=10")
    assert_same_bits(tmp_path / "whole", tmp_path / "parts", 10)
    assert [line["step"] for line in metrics(tmp_path / "parts")] == [4, 8, 10]


def test_the_same_command_again_has_nothing_to_do(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = ("--arch=mlp", "--log_every=2", "--run_dir=run", "--steps=3", "--evaluate_every=0")
    command("train", *flags)
    lines = metrics(tmp_path / "run")
    assert [line["step"] for line in lines] == [2, 3]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("step-*")}
    again = command("train", *flags)
    assert (again.returncode, executed(again.stdout)) == (0, 0)
    assert "already at step 3" in again.stderr
    assert metrics(tmp_path / "run") == lines
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("step-*")}
    assert after == before
    assert [p.name for p in (tmp_path / "run" / "export").glob("[!.]*")] == ["1"]


def test_divergence_stops_the_run_and_keeps_the_last_good_checkpoint(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = ("--generator_lr=100", "--discriminator_lr=100", "--checkpoint_every=1", *BARE)
    finished = command(
        "train", "--arch=mlp", "--run_dir=run", "--steps=500", "--on_collapse=stop", *flags
    )
    assert finished.returncode == 1
    last = finished.stderr.strip().splitlines()[-1]
    match = re.search(r"not finite at step (\d+) of attempt 1: .* not finite;", last)
    assert match, last
    (*_, newest) = resume.paths(tmp_path / "run" / "checkpoints").values()
    assert newest.name == f"step-{int(match[1]) - 1:08d}.npz"
    for array in archive.load(newest).values():
        assert np.isfinite(array).all()
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    ("number", "arch"),
    [(signal.SIGINT, "mlp"), (signal.SIGTERM, "dcgan"), (signal.SIGHUP, "mlp")],
)
def test_a_signal_saves_and_the_same_command_goes_on(
    command: Command, tmp_path: Path, home: Path, data_dir: Path, number: signal.Signals, arch: str
) -> None:
    flags = (f"--arch={arch}", "--run_dir=run", "--log_every=5", *BARE)
    rarely = "--checkpoint_every=1000000"
    process = start("train", *flags, rarely, "--steps=1000000", cwd=tmp_path, home=home)
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "metrics.jsonl").exists() or not metrics(tmp_path / "run"):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 75
    match = re.search(r"saved at step ([\d,]+) of 1,000,000; the same command goes on", errors)
    assert match, errors
    step = int(match[1].replace(",", ""))
    assert list(resume.paths(tmp_path / "run" / "checkpoints")) == [step]
    resumed = command("train", *flags, rarely, f"--steps={step + 3}")
    assert executed(resumed.stdout) == 3


def test_an_ignored_signal_stays_ignored(tmp_path: Path, home: Path, data_dir: Path) -> None:
    """As under `nohup`, or in the background of a script."""

    def ignore() -> None:
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)

    flags = ("--arch=mlp", "--run_dir=run", "--log_every=5", "--steps=1000000", *BARE)
    process = start("train", *flags, cwd=tmp_path, home=home, before=ignore)
    path = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not path.exists() or not metrics(tmp_path / "run"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    lines = len(metrics(tmp_path / "run"))
    for number in (signal.SIGHUP, signal.SIGINT):
        process.send_signal(number)
    while len(metrics(tmp_path / "run")) < lines + 2:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 75


def test_cadences_may_change_when_a_run_goes_on(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    """They change no weight; what was written stays, and what follows is by the new ones."""
    flags = ("--arch=mlp", "--batch_size=8", "--export=none", "--evaluate_every=0")
    often = ("--log_every=1", "--sample_every=2", "--checkpoint_every=2")
    whole = command("train", *flags, *often, "--run_dir=whole", "--steps=9")
    assert whole.returncode == 0, whole.stderr
    assert command("train", *flags, *often, "--run_dir=run", "--steps=5").returncode == 0
    rarely = ("--log_every=4", "--sample_every=3", "--checkpoint_every=100", "--keep_checkpoints=1")
    resumed = command("train", *flags, *rarely, "--run_dir=run", "--steps=9")
    assert resumed.returncode == 0, resumed.stderr
    mine, theirs = (checkpoint(tmp_path / name, 9) for name in ("run", "whole"))
    for name in mine:
        if not name.startswith(("sums/", "timing/")):
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
    ones, lines = metrics(tmp_path / "whole"), metrics(tmp_path / "run")
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 8, 9]
    mean = np.mean([line["generator_loss"] for line in ones[5:8]])
    assert lines[5]["generator_loss"] == pytest.approx(mean, rel=1e-6)
    # The grid of step 5 was there only because the run ended.
    assert list(grids.found(tmp_path / "run")) == [0, 2, 4, 6, 9]
    # Its checkpoints gone, it is not taken for a run that was killed before its first one.
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    (tmp_path / "run" / "result.json").unlink()
    refused = command("train", *flags, *rarely, "--run_dir=run", "--steps=9")
    assert "its checkpoints are gone" in one_line(refused)


def test_paths_with_spaces_and_other_scripts(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = ("--steps=1", "--evaluate_every=0", "--run_dir=mein Lauf/数字")
    finished = command("train", "--arch=mlp", *flags)
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "mein Lauf" / "数字" / "export" / "1" / "saved_model.pb").exists()


@pytest.mark.parametrize("k", [1, 3])
def test_epochs_count_the_reals_that_are_seen(
    command: Command, tmp_path: Path, mnist: dict[str, np.ndarray], k: int
) -> None:
    few = {name: mnist[name][:600] for name in ("train_images", "train_labels")}
    dataset_of(tmp_path / "few", "mnist", **mnist | few)
    flags = ("--arch=mlp", "--epochs=1", "--batch_size=100", f"--discriminator_steps={k}")
    few_images = ("--data_dir=few", "--augment=none")
    finished = command("train", *flags, *few_images, "--run_dir=run", "--log_every=1", *BARE)
    assert executed(finished.stdout) == 6 // k
    assert metrics(tmp_path / "run")[-1]["epoch"] == 1.0


def test_a_run_that_failed_at_once_may_begin_again_otherwise(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = ("--arch=mlp", "--run_dir=run", "--steps=400", *BARE)
    absurd = ("--generator_lr=1e6", "--discriminator_lr=1e6", "--on_collapse=stop")
    failed = command("train", *flags, *absurd)
    assert failed.returncode == 1
    assert "no checkpoint was saved" in failed.stderr
    again = command("train", *flags, "--steps=2")
    assert (again.returncode, executed(again.stdout)) == (0, 2), again.stderr


def test_two_processes_do_not_train_in_one_directory(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    flags = ("--arch=mlp", "--run_dir=run", "--log_every=5", "--steps=1000000", *BARE)
    first = start("train", *flags, cwd=tmp_path, home=home)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / "metrics.jsonl").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert "another process is training in it" in one_line(command("train", *flags))
    finally:
        first.kill()  # A lock left by a dead process holds nobody up.
        first.communicate()
    resumed = command("train", *flags, "--steps=3")
    assert resumed.returncode == 0, resumed.stderr


def test_damage_to_pictures_or_an_export_costs_no_training(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = ("--arch=mlp", "--run_dir=run", "--log_every=1", "--evaluate_every=0")
    command("train", *flags, "--steps=2")
    (tmp_path / "run" / "samples" / "step-00000000.png").write_bytes(b"damaged")
    damages = ("assets.extra/gan_tf.json", "saved_model.pb", "variables/variables.index")
    for number, name in enumerate(damages, start=1):
        (tmp_path / "run" / "export" / str(number) / name).write_bytes(b"half")
        again = command("train", *flags, "--steps=2")
        assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
        result = json.loads((tmp_path / "run" / "result.json").read_text())
        assert result["export"] == f"run/export/{number + 1}"  # Not the damaged one.
        assert command("sample", "--run_dir=run", "--num=1").returncode == 0
    # Pillow has no UnidentifiedImageError for this one: a chunk's length is wrong.
    picture = tmp_path / "run" / "samples" / "step-00000002.png"
    picture.write_bytes(picture.read_bytes()[:33] + b"\xff" * 4 + picture.read_bytes()[37:])
    longer = command("train", *flags, "--steps=3")
    assert (longer.returncode, executed(longer.stdout)) == (0, 1), longer.stderr
    assert (tmp_path / "run" / "export" / "5" / "saved_model.pb").exists()
    shorter = command("train", *flags, "--steps=1")
    assert (shorter.returncode, executed(shorter.stdout)) == (0, 0), shorter.stderr
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["steps"] == 3


@pytest.mark.parametrize(
    "rules",
    [
        {"loss": "minimax", "discriminator_steps": 2},
        {"loss": "least_squares", "update": "generator_first"},
        {"loss": "hinge", "label_smoothing": 0.0, "r1_gamma": 1.0, "r1_every": 3},
        {"loss": "wasserstein", "label_smoothing": 0.0, "gradient_penalty": 10.0},
        {"optimizer": "sgd", "generator_lr": 0.01, "final_momentum": 0.9, "lr_decay": 1.01},
        {
            **{"loss": "relativistic", "r2_gamma": 0.5, "r1_every": 2, "latents": "mixture"},
            **{"generator_lr": "0.002:0.001@80", "beta_2": "0.9:0.99@64"},
            **{"r1_gamma": "1:0.1@80", "ema_half_life": "0:100@64"},
        },
    ],
    ids=lambda rules: "-".join(map(str, rules.values())),
)
def test_every_loss_penalty_and_optimiser_resumes_exactly(
    tmp_path: Path, data_dir: Path, rules: dict[str, Any]
) -> None:
    """As a library, which a process need not be started for."""
    for name, steps in (("whole", 6), ("parts", 4), ("parts", 6)):
        config = Config(
            arch="mlp",
            data_dir=str(data_dir),
            run_dir=str(tmp_path / name),
            steps=steps,
            batch_size=16,
            log_every=1,
            checkpoint_every=2,
            evaluate_every=0,
            export="none",
            **rules,
        )
        result = train(config)
        assert result.export is None
    without_a_sign = rules.get("loss") in ("least_squares", "wasserstein", "relativistic")
    assert ("above a fresh fake" in str(result)) is without_a_sign
    assert_same_bits(tmp_path / "whole", tmp_path / "parts", 6)
    lines = metrics(tmp_path / "whole")
    assert ("value" in lines[0]) is (rules.get("loss", "") in ("minimax", ""))
    report = (tmp_path / "whole" / "report.html").read_text()
    assert ("probability of being real" in report) is ("value" in lines[0])
    runs = [accounts.read(tmp_path / name) for name in ("whole", "parts")]
    compared = comparison.comparison(runs, "now")
    assert ("probability of being real" in compared) is ("value" in lines[0])
    assert np.isfinite(numbers(lines)).all()
    assert len({line["discriminator_loss"] for line in lines}) == 6


def test_an_attempt_given_up_at_its_end_leaves_the_best_that_its_line_names(tmp_path: Path) -> None:
    """Its last evaluation was due only because it ended, and no checkpoint of it is left."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 20, (400, 2))
    images = np.zeros((400, 28, 28), np.uint8)
    for image, (top, left) in zip(images, corners, strict=True):
        image[top : top + 8, left : left + 8] = 255
    flags: dict[str, Any] = {
        **{"arch": "mlp", "loss": "wasserstein", "r1_gamma": 0.0, "augment": "none", "seed": 2},
        **{"discriminator_lr": 10.0, "generator_lr": 10.0, "steps": 5, "batch_size": 8},
        **{"evaluate_every": 100, "evaluate_images": 100, "on_collapse": "stop"},
        **{"run_dir": str(tmp_path / "run"), "data_dir": str(tmp_path / "data")},
    }
    config = Config(**flags)
    with pytest.raises(TrainingFailedError, match="far off at step 5 of attempt 1") as failed:
        train(config, images=images)
    assert "the best generator, of attempt 1, step 5 (" in str(failed.value)
    kept = exporting.find_checkpoint(tmp_path / "run", "best")
    assert int(archive.load(kept)[resume.STEP]) == 5


@pytest.mark.parametrize("stream", [None, "a logger"])
def test_a_program_may_have_put_anything_in_place_of_standard_error(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, stream: str | None
) -> None:
    class Logger:
        """What programs put there to log all that is said: it can write, and no more."""

        said = ""

        def write(self, text: str) -> None:
            self.said += text

        def flush(self) -> None:
            """Has nothing to do."""

    monkeypatch.setattr("sys.stderr", Logger() if stream else None)
    place: dict[str, Any] = {"data_dir": str(data_dir), "run_dir": str(tmp_path / "run")}
    config = Config(arch="mlp", batch_size=8, steps=2, evaluate_every=0, export="none", **place)
    assert train(config).steps == 2
    assert train(dataclasses.replace(config, steps=3)).executed == 1


def test_a_run_that_ended_between_evaluations_is_extended_as_if_untouched(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    common = (
        *("--arch=mlp", "--batch_size=16", "--log_every=5", "--checkpoint_every=7"),
        *("--evaluate_every=4", "--evaluate_images=100"),
    )
    for run_dir, steps in (("whole", 12), ("parts", 7), ("parts", 12)):
        finished = command("train", *common, f"--run_dir={run_dir}", f"--steps={steps}")
        assert finished.returncode == 0, finished.stderr
        # What is exported is what the line of the best says, if it is the closing line or not.
        best = json.loads((tmp_path / run_dir / "result.json").read_text())["best"]
        newest = servable.versions(tmp_path / run_dir / "export")[-1]
        about = json.loads((newest / "assets.extra" / "gan_tf.json").read_text())
        assert about["step"] == best["step"]
    assert_same_bits(tmp_path / "whole", tmp_path / "parts", 12)


def test_a_shorter_length_than_what_is_done_has_nothing_to_do(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = ("--arch=mlp", "--batch_size=16", "--run_dir=run", "--checkpoint_every=3", *BARE)
    assert command("train", *flags, "--steps=3").returncode == 0
    (tmp_path / "run" / "metrics.jsonl").write_text("")
    again = command("train", *flags, "--steps=2")
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr


def test_what_is_left_of_failed_attempts_binds_the_run(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = ("--arch=mlp", "--run_dir=run", "--steps=400", "--max_restarts=1", *BARE)
    absurd = ("--generator_lr=1e6", "--discriminator_lr=1e6")
    assert command("train", *flags, *absurd).returncode == 1
    line = one_line(command("train", *flags))
    assert "--generator_lr was 1000000.0 and is now 0.001" in line
