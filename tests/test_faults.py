"""Faults, each provoked for real: what was good before is good afterwards.

docs/faults.md is the table of them.
"""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import disks
import numpy as np
import pytest
from resumption import damages

from gan_tf.host import archive, files
from gan_tf.training import resume

from .conftest import (
    Command,
    Once,
    assert_same_bits,
    executed,
    metrics,
    one_line,
    without_timings,
)
from .processes import MODULES, ROOT, Finished, run_warm, start

FLAGS = (
    *("--arch=mlp", "--batch_size=16", "--evaluate_every=0", "--run_dir=run", "--export=none"),
    *("--log_every=1", "--sample_every=2", "--checkpoint_every=2"),
)


EXPORTED = ("--export=best",)  # The last of two equal flags wins.


@pytest.fixture(scope="session")
def half(once: Once, home: Path) -> Path:
    """A run of two steps."""
    return once("half", lambda place: _run(place, home, "--steps=2")) / "run"


@pytest.fixture(scope="session")
def whole(once: Once, home: Path) -> Path:
    """The same run of four steps, and its export."""
    return once("whole", lambda place: _run(place, home, "--steps=4", *EXPORTED)) / "run"


def _run(place: Path, home: Path, *flags: str) -> None:
    finished = run_warm("train", *FLAGS, *flags, cwd=place, home=home, timeout=120)
    assert finished.returncode == 0, finished.stderr


@pytest.fixture
def run(tmp_path: Path, half: Path) -> Path:
    """A copy of the run of two steps."""
    return Path(shutil.copytree(half, tmp_path / "run"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MiB."""
    with disks.small(tmp_path / "disk", 160) as mounted:
        if not mounted:
            pytest.skip("only root may mount a small file system")
        yield tmp_path / "disk"


def fails(tmp_path: Path, home: Path, *flags: str, limit: int | None = None) -> str:
    """Runs the training to its failure, with a limit to every file's size; returns the reason."""

    def set_limit() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = start("train", *FLAGS, *flags, cwd=tmp_path, home=home, before=set_limit)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    *_, last = errors.strip().splitlines()
    assert last.startswith("gan_tf.train: ")
    return last


def assert_it_goes_on(command: Command, tmp_path: Path, whole: Path, *flags: str) -> None:
    """The same command ends with the same bits as a run to which nothing happened."""
    assert not damages(tmp_path / "run")
    finished = command("train", *FLAGS, "--steps=4", *flags)
    assert (finished.returncode, executed(finished.stdout)) == (0, 2), finished.stderr
    assert_same_bits(whole, tmp_path / "run", 4)
    assert not list((tmp_path / "run").rglob(".*.tmp"))


@pytest.mark.parametrize(
    ("limit", "file"),
    [
        (1_000, "run/config.json"),
        (1_400, "run/metrics.jsonl"),
        (1_800, "run/tensorboard"),
        (6_000, "run/samples/step-00000004.png"),
        (1_000_000, "run/checkpoints/step-00000004.npz"),
    ],
    ids=["config", "metrics", "tensorboard", "picture", "checkpoint"],
)
def test_a_write_that_fails_ends_the_run_and_costs_nothing(
    command: Command, tmp_path: Path, home: Path, run: Path, whole: Path, limit: int, file: str
) -> None:
    config = run / "config.json"
    if file != "run/config.json":  # As it will be, so that it need not be written.
        content = json.loads(config.read_text())
        content["config"] |= {"steps": 4, "data_dir": str(home / "tensorflow_datasets")}
        lasting = ["grid", "line"]  # By the cadences of `FLAGS`.
        content |= {"resumed": 1, "resumed_at": 2, "lasting": lasting, "ended": None}
        config.unlink()
        config.write_text(json.dumps(content, indent=2) + "\n")
    reason = fails(tmp_path, home, "--steps=4", limit=limit)
    assert f"{file}: File too large; step 2 is saved, and the same command goes on" in reason
    assert_it_goes_on(command, tmp_path, whole)


def test_a_full_disk_ends_the_run_and_costs_nothing(
    command: Command, tmp_path: Path, home: Path, half: Path, whole: Path, small_disk: Path
) -> None:
    shutil.copytree(half, small_disk / "run")
    (tmp_path / "run").symlink_to(small_disk / "run")
    disks.fill(small_disk, leave=300_000)
    reason = fails(tmp_path, home, "--steps=4")
    assert "step-00000004.npz: No space left on device; step 2 is saved" in reason
    (small_disk / disks.FILLER).unlink()
    assert_it_goes_on(command, tmp_path, whole)


@pytest.mark.parametrize("leave", [0, 3_000_000], ids=["at once", "in the middle"])
def test_a_full_disk_costs_no_export_that_is_there(
    command: Command, tmp_path: Path, home: Path, whole: Path, small_disk: Path, leave: int
) -> None:
    shutil.copytree(whole, small_disk / "run", ignore=shutil.ignore_patterns("step-00000002.npz"))
    (tmp_path / "run").symlink_to(small_disk / "run")
    disks.fill(small_disk, leave)
    finished = command("export", "--run_dir=run")
    assert "run/export/2: No space left on device" in one_line(finished, status=1)
    assert [path.name for path in (tmp_path / "run" / "export").glob("[!.]*")] == ["1"]
    assert not list((tmp_path / "run").rglob(".*.tmp"))
    assert command("sample", "--run_dir=run", "--num=1").returncode == 0


def test_what_cannot_be_converted_is_named(command: Command, whole: Path) -> None:
    flags = (f"--run_dir={whole}", "--output=out", "--precision=bfloat16", "--litert")
    finished = command("export", *flags)
    assert (finished.returncode, finished.stdout) == (2, "")
    before, said = finished.stderr.splitlines()
    assert before == "Converting to litert ..."
    assert said.startswith("gan_tf.export: --litert: cannot convert these networks")


def test_standard_output_can_be_closed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gan_tf.train", "--dry_run"]
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    finished = subprocess.run(shell, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_standard_output_can_be_full(home: Path, tmp_path: Path, unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "gan_tf.train", "--dry_run"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    assert finished.returncode == 1
    assert finished.stderr == "gan_tf.train: standard output: No space left on device\n"


def test_a_run_that_nobody_listens_to_is_no_success(
    home: Path, data_dir: Path, tmp_path: Path
) -> None:
    """As in `gan_tf.train 2>&1 | head`: its progress has nowhere to go, and it ends."""
    read, write = os.pipe()
    os.close(read)
    assert _told_to(write, tmp_path, home, "--steps=1000").returncode == 75
    assert not (tmp_path / "run" / "result.json").exists()
    assert resume.paths(tmp_path / "run" / "checkpoints"), "what it made is saved"


def test_a_run_outlives_its_terminal(home: Path, data_dir: Path, tmp_path: Path) -> None:
    """As in `gan_tf.train & disown`, and the terminal is closed."""
    terminal, shown = pty.openpty()
    os.close(terminal)
    assert _told_to(shown, tmp_path, home, "--steps=4").returncode == 0
    assert (tmp_path / "run" / "result.json").exists()


def _told_to(stderr: int, place: Path, home: Path, *flags: str) -> Finished:
    """Trains with a standard error that it closes here at the end."""
    command = [sys.executable, "-m", "gan_tf.train", *FLAGS, *flags]
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    try:
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=place,
            env=environment,
            text=True,
            check=False,
        )
    finally:
        os.close(stderr)


def test_ctrl_c_that_ends_the_reader_too_saves(home: Path, data_dir: Path, tmp_path: Path) -> None:
    """As in `gan_tf.train 2>&1 | tee log`, and Ctrl-C, which ends `tee` at once."""
    process = start("train", *FLAGS, "--steps=100000", cwd=tmp_path, home=home)
    wait(process, lambda: (tmp_path / "run" / "metrics.jsonl").exists())
    assert process.stderr
    process.stderr.close()
    process.stderr = None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 75
    newest = max(resume.paths(tmp_path / "run" / "checkpoints"))
    assert metrics(tmp_path / "run")[-1]["step"] == newest, "nothing is lost"


@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_a_crash_may_damage_the_newest_checkpoint_and_cut_a_line(
    command: Command, tmp_path: Path, run: Path, whole: Path, damage: str
) -> None:
    shutil.rmtree(run)
    shutil.copytree(whole, run)
    newest = run / "checkpoints" / "step-00000004.npz"
    content = bytearray(newest.read_bytes())
    if damage == "altered":
        content[len(content) // 2] ^= 1
    newest.write_bytes(content if damage == "altered" else content[:-1000])
    lines = (run / "metrics.jsonl").read_bytes()
    (run / "metrics.jsonl").write_bytes(lines[:-20])
    finished = command("train", *FLAGS, "--steps=4")
    assert f"warning: run/checkpoints/{newest.name} was truncated or altered; going back to " in (
        finished.stderr
    )
    assert (finished.returncode, executed(finished.stdout)) == (0, 2), finished.stderr
    assert_same_bits(whole, run, 4)


def test_a_run_killed_before_its_first_checkpoint_begins_again(
    command: Command, tmp_path: Path, run: Path, whole: Path
) -> None:
    """Its lines and grids are there already, and are written once."""
    shutil.rmtree(run / "checkpoints")
    (run / "result.json").unlink()
    again = command("train", *FLAGS, "--steps=4")
    assert executed(again.stdout) == 4, again.stderr
    assert_same_bits(run, whole, 4)


def test_a_kill_in_the_giving_up_of_an_attempt_is_made_good(
    command: Command, tmp_path: Path
) -> None:
    """Its checkpoints were moved away, and no record says so yet."""
    flags = (
        *(*FLAGS, "--evaluate_every=2", "--evaluate_images=100"),
        *("--generator_lr=0", "--max_restarts=1", "--steps=8"),
    )
    ended = command("train", *flags)
    assert "attempt 2 of at most 2" in ended.stderr
    whole = metrics(tmp_path / "run")
    # As if it had been killed before the record of the first attempt.
    (tmp_path / "run" / "attempts" / "1" / "attempt.json").unlink()
    for name in ("checkpoints", "samples", "result.json"):
        path = tmp_path / "run" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    again = command("train", *flags)
    assert "holds" not in again.stderr
    assert again.returncode == ended.returncode == 1
    assert without_timings(metrics(tmp_path / "run")) == without_timings(whole)


def test_a_kill_in_the_export_of_a_longer_run_leaves_no_stale_result(
    command: Command, tmp_path: Path, home: Path, run: Path
) -> None:
    """It has made all its steps, and executes none when it is started again."""
    flags = (*FLAGS, *EXPORTED, "--steps=4")
    shorter = (run / "curves.png").read_bytes()
    process = start("train", *flags, cwd=tmp_path, home=home)
    wait(process, lambda: (run / "checkpoints" / "step-00000004.npz").exists())
    process.kill()
    process.communicate()
    again = command("train", *flags)
    assert executed(again.stdout) == 0, again.stderr
    assert json.loads((run / "result.json").read_text())["steps"] == 4
    assert (run / "curves.png").read_bytes() != shorter


def killed_at(process: subprocess.Popen[str], run: Path, step: int) -> None:
    """Kills a run once it has written a line of this step or a later one."""

    def reached() -> bool:
        path = run / "metrics.jsonl"
        return path.exists() and any(line["step"] >= step for line in metrics(run))

    wait(process, reached)
    process.kill()
    process.communicate()


JUDGED = ("--evaluate_images=100", "--on_collapse=ignore", "--checkpoint_every=100000")


def every(steps: int) -> tuple[str, ...]:
    return tuple(f"--{each}_every={steps}" for each in ("log", "sample", "evaluate"))


def test_a_longer_run_of_another_cadence_keeps_what_it_had_though_it_is_killed(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    assert command("train", *FLAGS, *JUDGED, *every(3), "--steps=3").returncode == 0
    shutil.copytree(tmp_path / "run", tmp_path / "whole")
    longer = (*FLAGS, *JUDGED, *every(4))
    process = start("train", *longer, "--steps=100000", cwd=tmp_path, home=home)
    killed_at(process, tmp_path / "run", 8)
    for run in ("run", "whole"):
        again = command("train", *longer, "--steps=12", f"--run_dir={run}")
        assert again.returncode == 0, again.stderr
    runs = [tmp_path / name for name in ("run", "whole")]
    lines, expected = (without_timings(metrics(run)) for run in runs)
    assert lines == expected
    assert [line["step"] for line in lines] == [3, 4, 8, 12]
    assert "frechet_distance" in lines[0]
    drawn, expected_grids = (sorted(p.name for p in (run / "samples").iterdir()) for run in runs)
    assert drawn == expected_grids
    assert "step-00000003.png" in drawn
    assert_same_bits(runs[0], runs[1], 12)


def test_what_a_start_without_a_checkpoint_left_is_not_exported(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """Where nothing is evaluated, the last generator is."""
    flags = (*FLAGS, *JUDGED, *EXPORTED)
    process = start("train", *flags, *every(2), "--steps=100000", cwd=tmp_path, home=home)
    killed_at(process, tmp_path / "run", 4)
    again = command("train", *flags, "--log_every=2", "--steps=6")
    assert again.returncode == 0, again.stderr
    about = tmp_path / "run" / "export" / "1" / "assets.extra" / "gan_tf.json"
    assert json.loads(about.read_text())["step"] == 6


def test_a_shorter_run_is_whole_after_a_longer_one_was_killed(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """The longer one had forgotten the grid and the evaluation of the shorter's end, where a line
    alone was due."""
    flags = (*FLAGS, *JUDGED, *EXPORTED, *every(2), "--log_every=3")
    ended = command("train", *flags, "--steps=3")
    assert ended.returncode == 0, ended.stderr
    shutil.copytree(tmp_path / "run", tmp_path / "whole")
    assert "frechet_distance" in metrics(tmp_path / "run")[-1], "the end is an evaluation"
    process = start("train", *flags, "--steps=100000", cwd=tmp_path, home=home)
    killed_at(process, tmp_path / "run", 6)
    process = start("train", *flags, "--steps=100000", cwd=tmp_path, home=home)
    killed_at(process, tmp_path / "run", 6)  # Once more: it goes on from where it did.
    again = command("train", *flags, "--steps=3")
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    run, whole = (tmp_path / name for name in ("run", "whole"))
    assert without_timings(metrics(run)) == without_timings(metrics(whole))
    drawn, expected = (
        sorted(p.name for p in (each / "samples").iterdir()) for each in (run, whole)
    )
    assert drawn == expected
    assert [p.name for p in sorted((run / "export").iterdir()) if p.name.isdecimal()] == ["1"]
    said, was = (json.loads((each / "result.json").read_text()) for each in (run, whole))
    assert said["best"] == was["best"]
    assert without_timings([said["last"]]) == without_timings([was["last"]])
    assert_same_bits(run, whole, 3)
    longer, whole_longer = (
        command("train", *flags, "--steps=6", f"--run_dir={each}") for each in ("run", "whole")
    )
    assert longer.returncode == whole_longer.returncode == 0, longer.stderr
    assert_same_bits(run, whole, 6)


def test_what_is_said_recorded_reported_and_exported_is_one_generator(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """The best state was kept after the newest checkpoint, and the run that goes on evaluates
    nothing."""
    flags = (*FLAGS, "--evaluate_images=100", "--on_collapse=ignore", *EXPORTED, *every(60))
    begun = (*flags, "--checkpoint_every=100000", "--steps=100000")
    assert command("train", *flags, "--checkpoint_every=130", "--steps=130").returncode == 0
    process = start("train", *begun, cwd=tmp_path, home=home)
    wait(process, lambda: int(np.load(tmp_path / "run" / "best.npz")["step/000"]) > 130)
    process.kill()
    process.communicate()
    again = command("train", *flags, "--evaluate_every=0", "--steps=140")
    assert again.returncode == 0, again.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    about = tmp_path / result["export"] / "assets.extra" / "gan_tf.json"
    step = json.loads(about.read_text())["step"]
    assert step in (60, 120, 130)  # The best one of before.
    assert result["best"]["step"] == step
    assert f"best generator: attempt 1, step {step}," in again.stdout
    assert f"best generator is that of step {step}" in (tmp_path / "run" / "report.html").read_text(
        encoding="utf-8"
    )


def test_a_later_attempt_of_a_run_with_an_export_begins_again(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """It was killed before its first checkpoint."""
    flags = (*FLAGS, *EXPORTED, *every(2), "--evaluate_images=100", "--generator_lr=0")
    flags = (*flags, "--max_restarts=1", "--checkpoint_every=100000")
    assert command("train", *flags, "--steps=3").returncode == 0
    process = start("train", *flags, "--steps=8", cwd=tmp_path, home=home)
    wait(process, lambda: any(line["attempt"] == 2 for line in metrics(tmp_path / "run")))
    process.kill()
    process.communicate()
    again = command("train", *flags, "--steps=8")
    assert again.returncode == 1, "the second attempt learns nothing, either"
    assert "no progress at step 6 of attempt 2" in again.stderr


def test_an_export_before_the_first_checkpoint_does_not_end_a_run(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """It was made of the best state, and the run was killed after it."""
    flags = (*FLAGS, *JUDGED, *every(2))
    process = start("train", *flags, "--steps=100000", cwd=tmp_path, home=home)
    wait(process, lambda: (tmp_path / "run" / "best.npz").exists())
    assert command("export", "--run_dir=run").returncode == 0
    process.kill()
    process.communicate()
    other = command("train", *flags, "--steps=4", "--seed=1")
    assert "holds another run: --seed was 0 and is now 1" in other.stderr
    again = command("train", *flags, "--steps=4")
    assert (again.returncode, executed(again.stdout)) == (0, 4), again.stderr


def test_an_attempt_that_a_rollback_began_anew_begins_anew_again(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """It was killed after its own best, and before its first checkpoint."""
    flags = (*FLAGS, *every(2), "--evaluate_images=100", "--generator_lr=0", "--max_restarts=1")
    flags = (*flags, "--checkpoint_every=100000", "--steps=6")
    ended = command("train", *flags)
    assert ended.returncode == 1
    assert "attempt 2 of at most 2, with seed" in ended.stderr
    whole = metrics(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    process, run = start("train", *flags, cwd=tmp_path, home=home), tmp_path / "run"
    given_up = run / "attempts" / "1" / "attempt.json"
    wait(process, lambda: given_up.exists() and metrics(run)[-1]["attempt"] == 2)
    process.kill()
    process.communicate()
    arrays = dict(np.load(run / "best.npz")) | {"run/attempt": np.array(2), "step/000": np.array(2)}
    archive.write(run / "best.npz", arrays)
    again = command("train", *flags, "--on_collapse=rollback")
    assert again.returncode == 1, again.stderr
    assert without_timings(metrics(run)) == without_timings(whole)


def test_a_licence_that_is_said_after_the_end_is_noted(
    command: Command, tmp_path: Path, run: Path
) -> None:
    again = command("train", *FLAGS, "--steps=2", "--licence=CC BY 4.0")
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    assert "--licence: noted; exports have it from now on: python -m gan_tf.export" in again.stderr
    assert "CC BY 4.0" in (run / "report.html").read_text()
    assert command("export", "--run_dir=run").returncode == 0
    about = run / "export" / "1" / "assets.extra" / "gan_tf.json"
    assert json.loads(about.read_text())["licence"] == "CC BY 4.0"


def test_what_a_killed_process_left_half_written_goes(
    command: Command, tmp_path: Path, run: Path, whole: Path
) -> None:
    left = [run / ".config.json.0a1b2c3d.tmp", run / "samples" / ".step-00000002.png.00000000.tmp"]
    for path in left:
        path.write_text("half")
    (run / "export" / ".2.00000000.tmp" / "variables").mkdir(parents=True)
    assert_it_goes_on(command, tmp_path, whole, *EXPORTED)


def test_a_kill_in_the_very_first_write_costs_nothing(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    for name in ("run.lock", ".config.json.0a1b2c3d.tmp"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_text("half")
    finished = command("train", *FLAGS, "--steps=1")
    assert (finished.returncode, executed(finished.stdout)) == (0, 1), finished.stderr
    assert not list((tmp_path / "run").glob(".*.tmp"))


def test_an_export_removes_nothing_but_what_exports_left(
    command: Command, tmp_path: Path, whole: Path
) -> None:
    mine = tmp_path / "out" / ".notes.draft.tmp"
    left = tmp_path / "out" / ".3.0a1b2c3d.tmp"
    for path in (mine, left):
        path.mkdir(parents=True)
    assert command("export", f"--run_dir={whole}", "--output=out").returncode == 0
    assert mine.exists()
    assert not left.exists()


def test_a_damaged_best_costs_a_warning(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    flags = (
        *("--arch=mlp", "--batch_size=16", "--run_dir=run", "--log_every=1"),
        *("--evaluate_every=1", "--evaluate_images=100"),
    )
    assert command("train", *flags, "--steps=1", "--export=none").returncode == 0
    best = tmp_path / "run" / "best.npz"
    best.write_bytes(best.read_bytes()[:-1])
    finished = command("train", *flags, "--steps=1")
    assert finished.returncode == 0, finished.stderr
    assert "warning: run/best.npz was truncated or altered; taking a checkpoint" in finished.stderr


def by_clocks(leaps: list[float], tmp_path: Path, home: Path, *flags: str) -> Finished:
    """Trains with both clocks where they are now, plus what each look at one finds next."""
    program = f"""
import itertools, runpy, sys, time
leaps = itertools.cycle({leaps})
real, wall = time.monotonic(), time.time()
time.monotonic = lambda: real + next(leaps)
time.time = lambda: wall + next(leaps)
sys.argv = ["train", *{[*FLAGS, *flags]}]
runpy.run_module("gan_tf.train", run_name="__main__", alter_sys=True)
"""
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        check=False,
    )


def test_clocks_may_jump(tmp_path: Path, home: Path, run: Path, whole: Path) -> None:
    """Both leap by an hour to and fro, and stand still in between."""
    leaps = [0.0, 3600.0, 3600.0, -3600.0, 1e-9, 0.0]
    finished = by_clocks(leaps, tmp_path, home, "--steps=4")
    assert (finished.returncode, executed(finished.stdout)) == (0, 2), finished.stderr
    assert_same_bits(whole, run, 4)


def test_clocks_may_stand_still(tmp_path: Path, home: Path, data_dir: Path) -> None:
    judged = ("--evaluate_every=2", "--evaluate_images=100", "--on_collapse=ignore")
    finished = by_clocks([0.0], tmp_path, home, "--steps=2", *judged)
    assert (finished.returncode, executed(finished.stdout)) == (0, 2), finished.stderr


def test_no_network_is_asked_for_what_is_on_the_disk(
    tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """Training, sampling and evaluating, with a hook that ends the process at a connection."""
    program = f"""
import os, runpy, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        print("asked the network:", event, arguments, file=sys.stderr)
        os._exit(9)
sys.addaudithook(watch)
for module, *flags in (
    ["train", *{[*FLAGS, "--steps=1", *EXPORTED]}],
    ["sample", "--run_dir=run"],
    ["evaluate", "--run_dir=run", "--num=100"],
):
    sys.argv = [module, *flags]
    try:
        runpy.run_module("gan_tf." + module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert end.code == 0, sys.argv
"""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]


def test_a_second_signal_ends_it_at_once_and_loses_nothing(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    # Evaluations of seconds, so that there is something to interrupt after the first signal.
    flags = (
        *("--arch=mlp", "--run_dir=run", "--batch_size=16", "--log_every=1"),
        *("--checkpoint_every=1", "--evaluate_every=1", "--evaluate_images=4000"),
        "--export=none",
    )
    process = start("train", *flags, "--steps=1000", cwd=tmp_path, home=home)
    wait(process, lambda: len(resume.paths(tmp_path / "run" / "checkpoints")) >= 2)
    process.send_signal(signal.SIGHUP)
    wait(process, lambda: not catches(process.pid, signal.SIGTERM))
    assert catches(process.pid, signal.SIGHUP), "a terminal that is closed may send it twice"
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    assert time.monotonic() - sent < 2
    assert process.returncode == -signal.SIGTERM, errors
    assert not damages(tmp_path / "run")
    newest = max(resume.paths(tmp_path / "run" / "checkpoints"))
    resumed = command("train", *flags, f"--steps={newest + 1}")
    assert executed(resumed.stdout) == 1, resumed.stderr


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "our first line"),
        (signal.SIGINT, "the import of TensorFlow"),
        (signal.SIGTERM, "the import of TensorFlow"),
        (signal.SIGINT, "the first use of the data"),
        (signal.SIGTERM, "the first use of the data"),
    ],
)
def test_a_signal_at_the_start_ends_it_quietly(
    tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    process = start("train", "--run_dir=run", cwd=tmp_path, home=tmp_path)
    wait(process, lambda: catches(process.pid, signal.SIGINT))  # Python does, at its start.
    wait(process, lambda: not catches(process.pid, signal.SIGINT))
    if moment == "the import of TensorFlow":
        maps = Path(f"/proc/{process.pid}/maps")
        wait(process, lambda: "libtensorflow" in maps.read_text())
    if moment == "the first use of the data":
        wait(process, lambda: (tmp_path / "tensorflow_datasets").exists())
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert output == ""
    if moment == "the first use of the data":
        assert process.returncode == 128 + number
        assert re.fullmatch(r"(Preparing .*\n)?gan_tf.train: interrupted\n", errors)
        assert not [path for path in tmp_path.rglob("*") if files.is_leftover(path)]
    else:
        assert (process.returncode, errors) == (-number, "")
    assert not (tmp_path / "run").exists()


_PROGRAM = """
import multiprocessing, sys
import matplotlib
import numpy as np
from gan_tf.config import Config
from gan_tf.serving import pretrained
from gan_tf.training.run import train

flags = dict(arch="mlp", batch_size=16, log_every=1, checkpoint_every=1, export="none")
"""


def test_a_second_interrupt_is_the_programs_own(tmp_path: Path, home: Path, data_dir: Path) -> None:
    program = (
        _PROGRAM
        + """
try:
    train(Config(**flags, run_dir="run", steps=1000, evaluate_every=1, evaluate_images=4000))
finally:
    print("what it keeps")
"""
    )
    process = _program(program, tmp_path, home)
    wait(process, lambda: len(resume.paths(tmp_path / "run" / "checkpoints")) >= 2)
    process.send_signal(signal.SIGINT)
    wait(process, lambda: not catches(process.pid, signal.SIGTERM))
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert output == "what it keeps\n"
    assert "KeyboardInterrupt" in errors
    assert not damages(tmp_path / "run")


def test_a_signal_after_the_last_step_is_the_programs_own(
    tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """The run is done, and what sent the signal wants the program to end."""
    program = (
        _PROGRAM
        + """
import os, signal
from gan_tf.training import exporting

def late(directory, export=exporting.export_best):
    os.kill(os.getpid(), number)
    return export(directory)

exporting.export_best = late
signal.signal(signal.SIGTERM, lambda number, _: print("heard", number, flush=True))
for number in (signal.SIGTERM, signal.SIGINT):
    config = Config(**{**flags, "export": "best"}, run_dir=f"run-{number}", steps=2)
    print(train(config).steps, flush=True)
"""
    )
    output, errors = _program(program, tmp_path, home).communicate(timeout=120)
    assert output == "heard 15\n2\n"
    assert "KeyboardInterrupt" in errors
    assert (tmp_path / "run-2" / "result.json").exists()


def test_a_forked_process_is_refused(tmp_path: Path, home: Path, data_dir: Path) -> None:
    """TensorFlow's threads are not in it. And a program's style of plots is not the run's."""
    program = (
        _PROGRAM
        + """
matplotlib.rcParams["text.usetex"] = True
digits = pretrained.load("mnist")
train(Config(**flags, run_dir="run", steps=2, evaluate_every=0))
for again in (
    lambda: train(Config(**flags, run_dir="forked", steps=2, evaluate_every=0)),
    lambda: pretrained.load("mnist"),
    lambda: digits.sample(4, seed=0),
    lambda: digits.draw(np.zeros([1, 64], np.float32), np.zeros([1], np.int64)),
):
    child = multiprocessing.get_context("fork").Process(target=again)
    child.start()
    child.join(60)
    print(child.exitcode)
"""
    )
    output, errors = _program(program, tmp_path, home).communicate(timeout=300)
    assert output == 4 * "1\n", errors
    assert errors.count("InputError: this process was forked from one that has used Tens") == 4
    assert (tmp_path / "run" / "curves.png").exists()
    assert not (tmp_path / "forked").exists()


def _program(text: str, place: Path, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=place,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        text=True,
    )


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(match and int(match[1], 16) >> (number - 1) & 1)


def wait(process: subprocess.Popen[str], for_what: object, seconds: float = 120.0) -> None:
    """Waits until it is so, while the process runs."""
    assert callable(for_what)
    deadline = time.monotonic() + seconds
    while not for_what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_no_reader_sees_half_a_file(tmp_path: Path, home: Path, data_dir: Path) -> None:
    flags = ("--sample_every=1", "--checkpoint_every=1", "--steps=12", "--keep_checkpoints=1")
    process = start("train", *FLAGS, *flags, cwd=tmp_path, home=home)
    looks = 0
    while process.poll() is None:
        assert not damages(tmp_path / "run")
        looks += bool(resume.paths(tmp_path / "run" / "checkpoints"))
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert looks > 5, "it was read while it was written"


def test_two_exports_at_once_are_two_versions(tmp_path: Path, home: Path, whole: Path) -> None:
    flags = (f"--run_dir={whole}", f"--output={tmp_path / 'served'}")
    processes = [start("export", *flags, cwd=tmp_path, home=home) for _ in range(2)]
    ends = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ends
    assert sorted(output.strip()[-1] for output, _ in ends) == ["1", "2"]


def test_two_first_preparations_at_once_are_one(tmp_path: Path) -> None:
    flags = ("--arch=mlp", "--steps=1", "--evaluate_every=0", "--export=none")
    processes = [
        start("train", *flags, f"--run_dir={name}", cwd=tmp_path, home=tmp_path) for name in "ab"
    ]
    ends = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ends
    said = "".join(errors for _, errors in ends)
    assert said.count("Prepared mnist in") == 1
    assert "Waiting for another process that prepares mnist ..." in said


def test_a_long_run_grows_neither_in_memory_nor_in_files(
    tmp_path: Path, home: Path, data_dir: Path
) -> None:
    program = """
import sys
import keras
from gan_tf import train
from gan_tf.config import command_line
from gan_tf.models import ARCHITECTURES, Architecture

def generator(latent_dim, image_shape):
    return keras.Sequential([
        keras.Input([latent_dim]),
        keras.layers.Dense(784, activation="tanh", dtype="float32"),
        keras.layers.Reshape(image_shape, dtype="float32"),
    ])

def discriminator(image_shape):
    return keras.Sequential([
        keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(1, dtype="float32")
    ])

ARCHITECTURES["tiny"] = Architecture(generator, discriminator)
sys.exit(command_line.run(train.main, train.Options, "Train a tiny GAN."))
"""
    (tmp_path / "tiny.py").write_text(program)
    flags = (
        *("--arch=tiny", "--run_dir=run", "--batch_size=1", "--latent_dim=2", "--steps=6000"),
        *("--sample_every=30", "--log_every=30", "--checkpoint_every=60"),
        *("--evaluate_every=300", "--evaluate_images=100", "--on_collapse=ignore"),
    )
    process = subprocess.Popen(
        [sys.executable, "tiny.py", *flags],
        cwd=tmp_path,
        # Each of TensorFlow's threads that comes to run a convolution keeps 8 MiB for the next one.
        env={"HOME": str(home), "PATH": os.environ["PATH"], "TF_NUM_INTEROP_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen: dict[int, tuple[float, int]] = {}
    status, descriptors = (Path(f"/proc/{process.pid}/{name}") for name in ("status", "fd"))
    while process.poll() is None:
        steps = [*resume.paths(tmp_path / "run" / "checkpoints")]
        match = re.search(r"^VmRSS:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        if steps and match:
            seen[steps[-1]] = int(match[1]) / 1024, len(list(descriptors.iterdir()))
        time.sleep(0.05)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    memory = {step: found[0] for step, found in seen.items()}
    early = np.median([size for step, size in memory.items() if 1_200 <= step <= 1_800])
    late = np.median([size for step, size in memory.items() if 5_400 <= step < 6_000])
    print(f"growth over 4,200 steps: {late - early:.1f} MiB", memory)
    assert late - early < 20, memory
    files = [found[1] for step, found in seen.items() if 1_200 <= step < 6_000]
    assert max(files) - min(files) <= 2, "a checkpoint or a picture may be open"
    assert len(resume.paths(tmp_path / "run" / "checkpoints")) == 3
    assert len(list((tmp_path / "run" / "samples").iterdir())) == 101
    assert [line["step"] for line in metrics(tmp_path / "run")] == [*range(30, 6_001, 30)]


def test_no_module_can_unpickle(tmp_path: Path) -> None:
    """Nothing but plain arrays and JSON is ever loaded."""
    for name in ("gan_tf", *MODULES):
        path = ROOT / name.replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"import (pickle|dill|joblib|marshal)|allow_pickle=True", text), name
        assert "safe_mode=False" not in text, name


def test_the_table_of_faults_names_tests_that_exist() -> None:
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.py"))
    assert len(set(named)) > 15
    for name in named:
        assert f"def {name}(" in written


@pytest.mark.parametrize("removed", [False, True], ids=["renamed", "removed"])
def test_a_run_writes_nothing_where_its_directory_is_no_more(
    command: Command, tmp_path: Path, home: Path, removed: bool
) -> None:
    rarely = ("--sample_every=1000000", "--checkpoint_every=500", "--log_every=10")
    process = start("train", *FLAGS, *rarely, "--steps=1000000", cwd=tmp_path, home=home)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("run/checkpoints/*.npz")):
            assert time.monotonic() < deadline, "no checkpoint"
            time.sleep(0.01)
        (tmp_path / "run").rename(tmp_path / "elsewhere")
        if removed:  # At once: whoever removes it file by file can lose a race with the run.
            shutil.rmtree(tmp_path / "elsewhere")
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1, errors
    (said,) = (line for line in errors.splitlines() if line.startswith("gan_tf.train: "))
    assert said.startswith("gan_tf.train: run: it, or its run.lock, was removed or renamed while")
    assert not (tmp_path / "run").exists()
    if not removed:
        newest = max(resume.paths(tmp_path / "elsewhere" / "checkpoints"))
        flags = (*FLAGS, "--run_dir=elsewhere", f"--steps={newest + 2}")
        finished = command("train", *flags, "--checkpoint_every=2")
        assert (finished.returncode, executed(finished.stdout)) == (0, 2), finished.stderr


def test_a_run_that_failed_in_a_longer_form_has_no_success_to_show(
    command: Command, tmp_path: Path
) -> None:
    flags = (
        *(*FLAGS, "--checkpoint_every=1"),
        *("--generator_lr=10", "--discriminator_lr=10"),
    )
    short, stop = ("--steps=2", "--on_collapse=ignore"), "--on_collapse=stop"
    assert command("train", *flags, *short).returncode == 0
    longer = command("train", *flags, "--steps=50", stop)
    assert longer.returncode == 1

    def files_of_it() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    kept = files_of_it()
    assert json.loads((tmp_path / "run" / "result.json").read_text())["failed"]
    again = command("train", *flags, *short)
    assert again.returncode == 1
    said = longer.stderr.splitlines()[-1].removeprefix("gan_tf.train: ")
    last = again.stderr.splitlines()[-1]
    assert last == f"gan_tf.train: a longer run here failed: {said}"
    assert files_of_it() == kept
