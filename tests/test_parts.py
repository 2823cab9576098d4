"""A finished run, repeated: nothing changes; and what each part that was deleted costs.

docs/training.md has the table.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.host.errors import InputError
from gan_tf.serving import servable
from gan_tf.training import accounts, resume, run_directory
from gan_tf.training.metrics import read_metrics
from gan_tf.training.run import train

from .conftest import TIMINGS, Command, Once, executed, one_line
from .processes import run_mounted, run_warm, start

FLAGS = (
    *("--arch=mlp", "--run_dir=run", "--batch_size=16", "--log_every=1", "--sample_every=2"),
    *("--checkpoint_every=2", "--evaluate_every=2", "--evaluate_images=100"),
)


@pytest.fixture(scope="session")
def ended(once: Once, home: Path) -> Path:
    """A run of four steps, judged twice, that has ended."""

    def make(place: Path) -> None:
        finished = run_warm("train", *FLAGS, "--steps=4", cwd=place, home=home, timeout=300)
        assert finished.returncode == 0, finished.stderr

    return once("ended", make) / "run"


def test_a_page_of_a_run_that_went_on_is_made_anew_at_its_end(
    command: Command, tmp_path: Path, run: Path
) -> None:
    for name in ("result.json", "report.html"):
        (run / name).unlink()
    page = ("report", f"--run_dirs={run}", f"--output={run / 'report.html'}")
    assert command(*page).returncode == 0
    assert ">finished<" not in (run / "report.html").read_text()
    assert command("train", *FLAGS, "--steps=4").returncode == 0
    assert ">finished<" in (run / "report.html").read_text()


@pytest.fixture
def run(tmp_path: Path, ended: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(ended, tmp_path / "run"))


def state(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file of a run: when it was written, and what it holds."""
    return {
        str(path.relative_to(directory)): (
            path.stat().st_ino,
            path.stat().st_mtime_ns,
            path.read_bytes(),
        )
        for path in directory.rglob("*")
        if path.is_file()
    }


def best_step(run: Path) -> int:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    judged = [line for line in lines if "frechet_distance" in line]
    return int(min(judged, key=lambda line: float(line["frechet_distance"]))["step"])


def test_a_finished_run_repeated_changes_nothing(
    command: Command, tmp_path: Path, run: Path
) -> None:
    """Nor does it undo what `gan_tf.export` has published since."""
    command("export", "--run_dir=run", "--checkpoint=last", "--precision=bfloat16")
    command("export", "--run_dir=run")
    assert len(servable.versions(run / "export")) == 3
    before = state(run)
    again = command("train", *FLAGS, "--steps=4")
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    assert state(run) == before
    assert f"SavedModel     {Path('run/export/1')}\n" in again.stdout


def test_a_finished_run_on_a_read_only_disk_is_said_again(
    tmp_path: Path, home: Path, run: Path
) -> None:
    mount = "mount --bind run run && mount -o remount,ro,bind run run"
    again, longer = (
        run_mounted(mount, "train", *FLAGS, f"--steps={steps}", cwd=tmp_path, home=home)
        for steps in (4, 6)
    )
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    assert f"SavedModel     {Path('run/export/1')}\n" in again.stdout
    assert longer.returncode == 1
    assert longer.stderr.splitlines()[-1] == (
        "gan_tf.train: run/config.json: Read-only file system; step 4 is saved, and the same "
        "command goes on"
    )


@pytest.mark.parametrize("damage", ["removed", "damaged"])
def test_without_the_best_state_the_best_that_is_exported_stays(
    command: Command, tmp_path: Path, run: Path, damage: str
) -> None:
    best = run / "best.npz"
    best.unlink() if damage == "removed" else best.write_bytes(best.read_bytes()[:-9])
    again = command("train", *FLAGS, "--steps=4")
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    assert [path.name for path in servable.versions(run / "export")] == ["1"]
    assert f"best generator: attempt 1, step {best_step(run)}," in again.stdout
    # Gone as well, it is exported anew from what is left, and that is what is said.
    shutil.rmtree(run / "export")
    again = command("train", *FLAGS, "--steps=4")
    assert again.returncode == 0, again.stderr
    (version,) = servable.versions(run / "export")
    about = servable.read_metadata(version)
    assert f"best generator: attempt 1, step {about['step']}," in again.stdout


def test_what_is_exported_in_place_of_the_best_is_what_the_result_and_the_page_say(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    # Without an average, which rounds, both generators are the same.
    flags = (*FLAGS, "--checkpoint_every=100", "--generator_lr=0", "--ema_decay=0", "--steps=4")
    run = tmp_path / "run"
    assert command("train", *flags).returncode == 0
    assert best_step(run) == 2, "both are equally good"
    shutil.rmtree(run / "export")
    (run / "best.npz").unlink()
    again = command("train", *flags)
    assert "warning: run: the best generator was that of step 2" in again.stderr
    assert "best generator: attempt 1, step 4," in again.stdout
    assert json.loads((run / "result.json").read_text())["best"]["step"] == 4
    found = accounts.read(run).best
    assert found
    assert found["step"] == 4


def test_without_its_checkpoints_a_run_does_not_begin_anew_over_its_results(
    command: Command, tmp_path: Path, run: Path
) -> None:
    shutil.rmtree(run / "checkpoints")
    before = state(run)
    for flags in ((), ("--batch_size=32",), ("--steps=9",)):
        line = one_line(command("train", *FLAGS, "--steps=4", *flags))
        assert "its checkpoints are gone, so the run cannot go on" in line
        (run / "best.npz").unlink(missing_ok=True)  # Nor does it without this.
        before.pop("best.npz", None)
        assert state(run) == before
    # What was exported is still of use.
    assert command("sample", "--run_dir=run", "--num=1").returncode == 0


def test_an_interrupted_run_without_its_checkpoints_does_not_begin_anew_either(
    command: Command, tmp_path: Path, run: Path
) -> None:
    for name in ("checkpoints", "export", "result.json", "best.npz"):
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    line = one_line(command("train", *FLAGS, "--steps=4"))
    assert "its checkpoints are gone" in line


@pytest.mark.parametrize(
    ("part", "comes_back"),
    [
        ("curves.png", True),
        ("samples.gif", True),
        ("result.json", True),
        ("export", True),
        ("samples", False),
        ("tensorboard", False),
        ("metrics.jsonl", False),
        ("checkpoints/step-00000002.npz", False),
    ],
)
def test_what_may_be_deleted_costs_what_the_table_says(
    command: Command, tmp_path: Path, run: Path, part: str, comes_back: bool
) -> None:
    path = run / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = state(run)
    if part == "result.json":  # The page says what it says, and is made with it.
        before.pop("report.html")
    again = command("train", *FLAGS, "--steps=4")
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    assert path.exists() is comes_back
    after = state(run)
    assert {name: after[name] for name in before} == before, "the rest is as it was"


def test_a_damaged_export_stays_and_a_sound_one_is_made(
    command: Command, tmp_path: Path, run: Path
) -> None:
    was = json.loads((run / "result.json").read_text())
    for name in ("gan_tf.json", "saved_model.pb"):
        (damaged,) = servable.versions(run / "export")[-1:]
        path = next(damaged.rglob(name))
        path.write_bytes(path.read_bytes()[:50])
        again = command("train", *FLAGS, "--steps=4")
        assert again.returncode == 0, again.stderr
        *_, newest = servable.versions(run / "export")
        assert (int(newest.name), path.stat().st_size) == (int(damaged.name) + 1, 50)
        assert servable.load(newest).metadata["step"] == servable.read_metadata(newest)["step"]
        # What the command says of the training stays, though it trained nothing this time.
        said = json.loads((run / "result.json").read_text())
        assert said == was | {"export": said["export"]}
        assert Path(said["export"]).name == newest.name


def test_a_second_run_in_one_process_is_refused(tmp_path: Path, data_dir: Path) -> None:
    """Seeds and dtype policy are the process's: both would have had other bits than theirs."""
    config = Config(
        arch="mlp",
        data_dir=str(data_dir),
        run_dir=str(tmp_path / "a"),
        steps=3,
        evaluate_every=0,
        export="none",
    )
    refused: list[str] = []
    results = []

    def second() -> None:
        try:
            results.append(train(config))
        except InputError as error:
            refused.append(str(error))

    before = surroundings()
    threads = [threading.Thread(target=second) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 1
    assert refused == ["another run is training in this process; wait for it, or use another"]
    assert surroundings() == before, "it leaves the caller's process as it found it"


def test_a_run_within_a_graph_or_a_strategy_is_refused(tmp_path: Path) -> None:
    config = Config(arch="mlp", run_dir=str(tmp_path / "run"), steps=1)
    scopes = [tf.distribute.MirroredStrategy(["CPU:0"]).scope(), tf.Graph().as_default()]
    for scope, name in zip(scopes, ("strategy", "tf.Graph"), strict=True):
        with scope, pytest.raises(InputError, match=name):
            train(config)
    assert not (tmp_path / "run").exists()


def test_functions_that_run_eagerly_change_no_bit(tmp_path: Path, data_dir: Path) -> None:
    """Nor does training change that they do."""
    lines = []
    try:
        for eagerly in (False, True):
            tf.config.run_functions_eagerly(eagerly)
            before = surroundings()
            config = Config(
                arch="mlp",
                data_dir=str(data_dir),
                run_dir=str(tmp_path / str(eagerly)),
                batch_size=16,
                steps=4,
                log_every=1,
                evaluate_every=4,
                evaluate_images=100,
                precision="float32",
            )
            lines.append(
                [
                    line[name]
                    for line in read_metrics(train(config).run_dir / "metrics.jsonl")
                    for name in ("discriminator_loss", "generator_loss")
                ]
            )
            assert surroundings() == before
    finally:
        tf.config.run_functions_eagerly(False)
    assert lines[0] == lines[1]


def surroundings() -> list[object]:
    """What of a process a library could change under its caller."""
    return [
        random.getstate(),
        repr(np.random.get_state()),
        keras.config.dtype_policy().name,
        keras.config.floatx(),
        keras.config.image_data_format(),
        tf.config.optimizer.get_experimental_options(),
        tf.config.functions_run_eagerly(),
        tf.config.optimizer.get_jit(),
        [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        Path.cwd(),
        dict(os.environ),
    ]


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"KERAS_BACKEND": "jax"},
        {"TF_ENABLE_ONEDNN_OPTS": "0"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_the_surroundings_change_no_run(
    tmp_path: Path, home: Path, ended: Path, variables: dict[str, str]
) -> None:
    """Nor does a keras.json that says otherwise of everything."""
    settings = {"floatx": "float16", "image_data_format": "channels_first", "backend": "torch"}
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text(json.dumps(settings))
    variables = {"KERAS_HOME": str(tmp_path / "keras")} | variables
    flags = (*FLAGS, "--arch=dcgan", "--steps=2", "--export=none", "--precision=float32")
    process = start("train", *flags, cwd=tmp_path, home=home, variables=variables)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "best generator: attempt 1, step 2, Fr" in output
    slow = "TF_ENABLE_ONEDNN_OPTS=0 turns its fast kernels off"
    assert (slow in errors) is ("TF_ENABLE_ONEDNN_OPTS" in variables)


def test_an_older_processor_computes_with_the_fast_kernels(
    tmp_path: Path, home: Path, ended: Path
) -> None:
    """By itself TensorFlow uses oneDNN's on newer ones alone; they have other last bits."""
    lines: list[dict[str, object]] = []
    for variables in ({}, {"TF_ENABLE_ONEDNN_OPTS": "1"}):
        run_dir = tmp_path / str(len(lines))
        flags = (*FLAGS, "--arch=dcgan", "--steps=2", "--evaluate_every=0", "--export=none")
        # With this augmentation oneDNN lacks an operation, and would say so.
        train = (*flags, "--augment=diffaugment", "--precision=float32", f"--run_dir={run_dir}")
        process = start("train", *train, cwd=tmp_path, home=home, variables=variables)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert "slower than it could be" not in errors
        assert variables or "oneDNN" not in errors
        line = json.loads((run_dir / "metrics.jsonl").read_text().splitlines()[-1])
        lines.append({name: each for name, each in line.items() if name not in TIMINGS})
    assert lines[0] == lines[1]


def test_a_program_that_imported_tensorflow_first_hears_what_makes_it_slow(home: Path) -> None:
    program = "import tensorflow; from gan_tf.host import devices; print(devices.description())"
    output = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
    ).stdout
    features = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    newer = re.search(r"\b(avx512_vnni|avx_vnni|avx512_bf16|amx_\w+)\b", features)
    is_slow = " avx2 " in features and not newer
    assert ("set TF_ENABLE_ONEDNN_OPTS=1 before TensorFlow is imported" in output) is is_slow


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TF_XLA_FLAGS", "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit"),
        ("TF_XLA_FLAGS", "xla"),  # A file of flags.
        ("TF_FUNCTION_JIT_COMPILE_DEFAULT", "true"),
    ],
    ids=["flags", "file", "default"],
)
@pytest.mark.parametrize("command", ["train", "export"])
def test_a_compiler_that_draws_other_numbers_is_refused(
    tmp_path: Path, home: Path, variable: str, value: str, command: str
) -> None:
    (tmp_path / "xla").write_text("--tf_xla_auto_jit=2\n--tf_xla_cpu_global_jit\n")
    flags = (*FLAGS, "--steps=2") if command == "train" else ("--pretrained=mnist", "--output=run")
    process = start(command, *flags, cwd=tmp_path, home=home, variables={variable: value})
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith(f"gan_tf.{command}: {variable}={value}: must ")
    assert not (tmp_path / "run").exists()


def test_an_attempt_is_given_up_where_its_checkpoints_lie_on_another_disk(tmp_path: Path) -> None:
    """And put back, where that was cut short before its record."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        assert Path(elsewhere).stat().st_dev != tmp_path.stat().st_dev
        checkpoints = tmp_path / "checkpoints"
        checkpoints.symlink_to(elsewhere)
        (tmp_path / "samples").mkdir()
        (checkpoints / "step-2.npz").write_bytes(b"saved")
        run_directory.give_up(tmp_path, {"attempt": 1})
        aside = tmp_path / "attempts" / "1"
        assert (aside / "checkpoints" / "step-2.npz").read_bytes() == b"saved"
        assert list(Path(elsewhere).iterdir()) == []
        (aside / "attempt.json").unlink()
        resume.take_back(tmp_path)
        assert (Path(elsewhere) / "step-2.npz").read_bytes() == b"saved"
        assert list((aside / "checkpoints").iterdir()) == []


def test_standard_error_can_be_closed(tmp_path: Path, home: Path, data_dir: Path) -> None:
    command = [sys.executable, "-m", "gan_tf.train", *FLAGS, "--steps=1", "--export=none"]
    finished = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *command],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        check=False,
    )
    assert finished.returncode == 0
    assert executed(finished.stdout) == 1
