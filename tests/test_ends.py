"""Where a run ends: it says so once, with all that belongs to an end, whatever came between."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command, assert_same_bits, executed, metrics, one_line, without_timings
from .processes import start
from .test_faults import EXPORTED, FLAGS, JUDGED, every, killed_at, wait

# It learns nothing of use, and is far off at its end; what was good before is step 8.
ILL = (
    *(*FLAGS, "--precision=float32"),  # In bfloat16 it goes another way.
    *("--loss=wasserstein", "--r1_gamma=0", "--generator_lr=0.0005", "--discriminator_lr=0.02"),
    *("--evaluate_every=8", "--evaluate_images=100", "--log_every=10", "--checkpoint_every=10"),
)


def stopped(process: Any, run: Path, step: int) -> int:
    """Stops a run by SIGTERM once it has come to a step; returns the step that it saved."""

    def reached() -> bool:
        path = run / "metrics.jsonl"
        return path.exists() and any(line["step"] >= step for line in metrics(run))

    wait(process, reached)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 75, errors
    return max(int(path.stem[5:]) for path in (run / "checkpoints").iterdir())


def content_of(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def grids(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "samples").iterdir())


def result(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "result.json").read_text())
    return found


def assert_same_end(one: Path, other: Path, step: int) -> None:
    """Two runs have come to the same end, with the same word on it, and the same exports."""
    assert_same_bits(one, other, step)
    assert grids(one) == grids(other)
    for name in ("best", "last"):
        found = [result(run)[name] for run in (one, other)]
        assert without_timings(found[:1]) == without_timings(found[1:])
    assert result(one)["health"] == result(other)["health"]
    versions = [sorted(path.name for path in (run / "export").iterdir()) for run in (one, other)]
    assert versions[0] == versions[1]


def test_a_run_may_end_where_it_was_stopped(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """All that an end has is there, as if it had never been meant to be longer."""
    flags = (*FLAGS, *JUDGED, *EXPORTED, *every(3))
    process = start("train", *flags, "--steps=100000", cwd=tmp_path, home=home)
    step = stopped(process, tmp_path / "run", 6)
    before = content_of(tmp_path)
    line = one_line(command("train", *flags, f"--steps={step - 1}"))
    assert f"stands at step {step:,} of 100,000, and not at its end" in line
    assert f"--steps=100000 goes on, and --steps={step} ends it there" in line
    assert content_of(tmp_path) == before
    ended = command("train", *flags, f"--steps={step}")
    assert (ended.returncode, executed(ended.stdout)) == (0, 0), ended.stderr
    whole = command("train", *flags, f"--steps={step}", "--run_dir=whole")
    assert whole.returncode == 0, whole.stderr
    assert_same_end(tmp_path / "run", tmp_path / "whole", step)
    assert result(tmp_path / "run")["last"]["images_per_second"] > 0
    kept = content_of(tmp_path / "run")
    assert command("train", *flags, f"--steps={step}").returncode == 0
    assert content_of(tmp_path / "run") == kept, "a finished run, repeated, changes nothing"


@pytest.mark.parametrize("log_every", [2, 3])
def test_an_end_that_a_killed_start_took_back_is_said_again(
    command: Command, tmp_path: Path, data_dir: Path, log_every: int
) -> None:
    """A longer run was killed while it took back what its shorter form had said at its end."""
    flags = (*FLAGS, *JUDGED, *EXPORTED, *every(2), f"--log_every={log_every}", "--steps=3")
    assert command("train", *flags).returncode == 0
    run, whole = tmp_path / "run", tmp_path / "whole"
    shutil.copytree(run, whole)
    config = json.loads((run / "config.json").read_text())
    assert config["ended"] == [1, 3]
    # In the order in which it is done.
    (run / "config.json").write_text(json.dumps(config | {"ended": None}, indent=2) + "\n")
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    if log_every == 2:  # Else a line is due there, and it loses its evaluation at most.
        (run / "metrics.jsonl").write_text("".join(lines[:-1]))
        (run / "samples" / "step-00000003.png").unlink()
    again = command("train", *flags)
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    assert_same_end(run, whole, 3)


def test_an_end_whose_line_is_lost_is_an_end(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    """A longer run was killed before it saved anything, and metrics.jsonl was deleted."""
    flags = (*FLAGS, *JUDGED, "--log_every=3", "--steps=3")
    assert command("train", *flags).returncode == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"ended": None}))
    (tmp_path / "run" / "metrics.jsonl").unlink()
    again = command("train", *flags)
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    assert "its line in metrics.jsonl is lost, so this end is not judged" in again.stderr


def test_an_end_of_another_cadence_takes_nothing_with_it(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    """A run stopped where an evaluation was due, ended there by flags without one, and goes on."""
    flags = (*FLAGS, *JUDGED, *every(4))
    runs = [tmp_path / name for name in ("run", "whole")]
    assert command("train", *flags, "--steps=4").returncode == 0
    config = json.loads((runs[0] / "config.json").read_text())
    config["config"]["steps"] = 8  # As where it was stopped there, on its way to 8.
    (runs[0] / "config.json").write_text(json.dumps(config | {"ended": None}))
    other = ("--evaluate_every=0", "--log_every=3", "--sample_every=3")
    assert command("train", *flags, *other, "--steps=4").returncode == 0
    for run in runs:
        finished = command("train", *flags, "--steps=8", f"--run_dir={run}")
        assert finished.returncode == 0, finished.stderr
    assert_same_bits(runs[0], runs[1], 8)
    assert grids(runs[0]) == grids(runs[1])


def test_an_end_of_other_intervals_takes_no_best_generator_and_no_sums_from_a_longer_run(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    slow = ("--generator_lr=0.0002", "--precision=float32")  # Step 6 is better than 4 and 8.
    flags = (*FLAGS, *JUDGED, *EXPORTED, *every(4), *slow)
    run, whole = tmp_path / "run", tmp_path / "whole"
    assert command("train", *flags, "--steps=6").returncode == 0
    config = json.loads((run / "config.json").read_text())
    config["config"]["steps"] = 8  # As where it was stopped there, on its way to 8.
    (run / "config.json").write_text(json.dumps(config | {"ended": None}))
    ended = command("train", *flags, "--log_every=6", "--evaluate_every=6", "--steps=6")
    assert "best generator: attempt 1, step 6," in ended.stdout, ended.stderr
    for place in (run, whole):
        finished = command("train", *flags, "--steps=8", f"--run_dir={place}")
        assert finished.returncode == 0, finished.stderr
        assert "warning" not in finished.stderr
    assert_same_bits(run, whole, 8)
    assert without_timings(metrics(run)) == without_timings(metrics(whole))
    assert (run / "best.npz").exists() == (whole / "best.npz").exists()


def test_an_export_from_before_an_end_hides_none_of_its_figures(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags, run = (*FLAGS, *JUDGED, *every(4)), tmp_path / "run"
    assert command("train", *flags, "--evaluate_every=0", "--steps=4").returncode == 0
    config = json.loads((run / "config.json").read_text())
    config["config"]["steps"] = 8  # As where it was stopped there, on its way to 8.
    (run / "config.json").write_text(json.dumps(config | {"ended": None}))
    assert command("export", "--run_dir=run").returncode == 0
    ended = command("train", *flags, *EXPORTED, "--steps=4")
    assert "best generator: attempt 1, step 4, Fréchet distance" in ended.stdout, ended.stderr
    said = result(run)
    assert (said["best"], Path(said["export"]).name) == (metrics(run)[-1], "2")


def test_the_end_by_patience_is_said_again(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """A run that was to go on all the same was killed before it saved anything."""
    flags = (*FLAGS, *JUDGED, *EXPORTED, *every(4), "--sample_every=3", "--generator_lr=0")
    patient = (*flags, "--steps=100000", "--patience=1")
    assert command("train", *patient).returncode == 0
    run, whole = tmp_path / "run", tmp_path / "whole"
    shutil.copytree(run, whole)
    assert "step-00000008.png" in grids(whole), "drawn because it ended there"
    process = start("train", *flags, "--steps=100000", "--patience=0", cwd=tmp_path, home=home)
    killed_at(process, run, 12)
    again = command("train", *patient)
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    assert_same_end(run, whole, 8)


def test_a_failure_at_the_end_costs_a_longer_run_nothing(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    """The best generator of before is kept, and the failure is said as often as it is asked for."""
    failed = command("train", *ILL, "--steps=28", "--on_collapse=stop")
    said = failed.stderr.splitlines()[-1]
    assert (failed.returncode, "far off at step 28" in said) == (1, True), failed.stderr
    (tmp_path / "run" / "result.json").unlink()  # As where it was killed before it wrote it.
    again = command("train", *ILL, "--steps=28", "--on_collapse=stop")
    assert (again.returncode, again.stderr.splitlines()[-1]) == (1, said)
    longer = (*ILL, *EXPORTED, "--steps=60", "--on_collapse=ignore")
    for run in ("run", "whole"):
        finished = command("train", *longer, f"--run_dir={run}")
        assert finished.returncode == 0, finished.stderr
        assert "is not kept" not in finished.stderr
    assert_same_end(tmp_path / "run", tmp_path / "whole", 60)
    assert result(tmp_path / "run")["best"]["step"] < 28


def test_the_best_generator_may_be_that_of_an_end_that_was_given_up(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    """Another attempt came after it, and was worse."""
    flags = (*ILL, "--discriminator_lr=0.003", "--seed=1", "--evaluate_every=24", "--steps=28")
    failed = command("train", *flags, "--max_restarts=1")
    assert failed.returncode == 1, failed.stderr
    exported = command("export", "--run_dir=run")
    assert (exported.returncode, "is not kept" in exported.stderr) == (0, False), exported.stderr
    lines = [line for line in metrics(tmp_path / "run") if "frechet_distance" in line]
    best = min(lines, key=lambda line: line["frechet_distance"])
    about = tmp_path / "run" / "export" / "1" / "assets.extra" / "gan_tf.json"
    found = json.loads(about.read_text())
    assert (found["attempt"], found["step"]) == (best["attempt"], best["step"])


def test_a_failure_beyond_an_end_is_said_there(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    """The end was one at which nothing else was due, so that the longer run has taken it back."""
    flags = (*FLAGS, *every(4), "--checkpoint_every=4", "--evaluate_images=100")
    flags = (*flags, "--generator_lr=0")
    assert command("train", *flags, "--steps=3", "--on_collapse=ignore").returncode == 0
    longer = command("train", *flags, "--steps=100", "--on_collapse=stop")
    assert (longer.returncode, "no progress" in longer.stderr) == (1, True), longer.stderr
    kept = content_of(tmp_path)
    again = command("train", *flags, "--steps=3", "--on_collapse=stop")
    assert again.returncode == 1
    assert "a longer run here failed: no progress" in again.stderr.splitlines()[-1]
    assert content_of(tmp_path) == kept


def test_a_best_of_before_is_said_without_a_judge_that_it_does_not_know(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = (*FLAGS, *JUDGED, *EXPORTED, *every(2))
    assert command("train", *flags, "--steps=3").returncode == 0
    longer = command("train", *flags, "--steps=5", "--evaluate_every=0")
    assert longer.returncode == 0, longer.stderr
    assert "best generator: attempt 1, step 2" in longer.stdout
    assert "samples (" not in longer.stdout


def test_the_best_of_before_is_kept_until_a_checkpoint_has_a_better_one(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """A longer run found a better one and was killed; its steps are not made again."""
    flags, run = (*FLAGS, *JUDGED, *EXPORTED, *every(2)), tmp_path / "run"
    assert command("train", *flags, "--steps=5").returncode == 0
    kept = (run / "best.npz").read_bytes()
    process = start("train", *flags, "--steps=100000", cwd=tmp_path, home=home)
    wait(process, lambda: (run / "best.npz").read_bytes() != kept)
    assert (run / "best-before.npz").read_bytes() == kept
    process.kill()
    process.communicate()
    again = command("train", *flags, "--steps=5")
    assert again.returncode == 0, again.stderr
    assert "warning" not in again.stderr
    assert (run / "best.npz").read_bytes() == kept
    assert not (run / "best-before.npz").exists()
    best = min(metrics(run), key=lambda line: line.get("frechet_distance", 1e9))
    said = json.loads((run / "result.json").read_text())
    assert said["best"] == best
    about = tmp_path / said["export"] / "assets.extra" / "gan_tf.json"
    assert json.loads(about.read_text())["step"] == best["step"]


def test_the_newest_export_of_a_run_at_its_end_is_the_best(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    """A longer run took back an end that was the best, and exported."""
    flags, run = (*FLAGS, *JUDGED, *EXPORTED), tmp_path / "run"
    assert command("train", *flags, *every(2), "--steps=6").returncode == 0
    longer = (*flags, "--log_every=2", "--sample_every=2")
    assert command("train", *longer, "--evaluate_every=100", "--steps=60").returncode == 0
    assert (run / "export" / "2").exists(), "else the end was not the best"
    assert command("train", *longer, "--evaluate_every=0", "--steps=61").returncode == 0
    said = json.loads((run / "result.json").read_text())
    assert Path(said["export"]).name == "3"
    about = run / "export" / "3" / "assets.extra" / "gan_tf.json"
    assert json.loads(about.read_text())["step"] == said["best"]["step"] <= 6
    assert command("export", "--run_dir=run", "--checkpoint=last").returncode == 0
    kept = content_of(run)
    assert command("train", *longer, "--evaluate_every=0", "--steps=61").returncode == 0
    assert content_of(run) == kept


def test_an_export_of_a_step_that_was_made_again_otherwise_is_not_the_best(
    command: Command, tmp_path: Path, home: Path, data_dir: Path
) -> None:
    """It was exported by a start that was killed; another processor rounds otherwise."""
    flags, run = (*FLAGS, *JUDGED, *EXPORTED, *every(2)), tmp_path / "run"
    process = start("train", *flags, "--steps=100000", cwd=tmp_path, home=home)
    killed_at(process, run, 4)
    assert command("export", "--run_dir=run").returncode == 0
    about = run / "export" / "1" / "assets.extra" / "gan_tf.json"
    content = json.loads(about.read_text())
    content["metrics"]["frechet_distance"] += 1e-6
    about.write_text(json.dumps(content))
    again = command("train", *flags, f"--steps={content['step']}")
    assert again.returncode == 0, again.stderr
    said = json.loads((run / "result.json").read_text())
    assert Path(said["export"]).name == "2"
    assert said["best"] == min(metrics(run), key=lambda line: line["frechet_distance"])
