"""metrics.jsonl: what survives a crash and what a resumed run says again."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from gan_tf.host.errors import InputError
from gan_tf.training.journal import Journal, forget
from gan_tf.training.metrics import read_metrics
from gan_tf.training.schedule import Schedule

EVALUATED = {
    *("frechet_distance", "coverage", "log_likelihood", "label_accuracy", "copies"),
    "evaluation_seconds",
}
METRICS = {"generator_loss": 1.0, "discriminator_loss": 2.0, "d_real": 0.5, "d_fake": 0.5}


def write(
    directory: Path, step: int, steps: list[int], attempt: int = 1, ended: bool = False
) -> list[float]:
    """Appends lines to what an attempt with a line every 2 steps has written; all that stand."""
    schedule = Schedule(100, log_every=2, sample_every=50, checkpoint_every=50, evaluate_every=6)
    if step:
        forget(directory, attempt, step, schedule.lasting(step))
    journal = Journal(directory, attempt=attempt, step=step, seconds=step * 100.0, batch_size=10)
    with closing(journal):
        for each in steps:
            evaluated = each % 6 == 0 or (ended and each == steps[-1])
            figures = dict.fromkeys(EVALUATED, 3.0) if evaluated else {}
            journal.append(each, each / 100, METRICS | figures)
        return [line["step"] for line in journal.lines]


def test_lines_are_appended_and_a_crash_cuts_none_that_was_whole(tmp_path: Path) -> None:
    write(tmp_path, 0, [2, 4])
    path = tmp_path / "metrics.jsonl"
    whole = path.read_text()
    path.write_text(whole + '{"step": 6, "gener')
    assert [line["step"] for line in read_metrics(path)] == [2, 4]
    assert write(tmp_path, 4, [6]) == [2, 4, 6]
    assert path.read_text().startswith(whole)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [2, 4, 6]


@pytest.mark.parametrize("how", ["removed", "replaced", "emptied"])
def test_what_becomes_of_the_file_meanwhile_costs_no_line(
    tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "metrics.jsonl"
    journal = Journal(tmp_path, attempt=1, step=0, seconds=0.0, batch_size=10)
    with closing(journal):
        journal.append(2, 0.02, METRICS)
        assert capsys.readouterr().err == ""
        if how == "emptied":
            path.write_text("")
        else:
            path.unlink()
        if how == "replaced":  # As an editor does.
            path.write_text("{}\n")
        for step in (4, 6):
            journal.append(step, step / 100, METRICS)
    assert [line["step"] for line in read_metrics(path)] == [2, 4, 6]
    assert capsys.readouterr().err.count("was altered or removed while the run trains") == 1


def test_what_came_after_the_checkpoint_is_said_again_once(tmp_path: Path) -> None:
    write(tmp_path, 0, [2, 4, 6])
    assert write(tmp_path, 3, [4, 6, 8]) == [2, 4, 6, 8]


def test_the_line_that_closed_a_shorter_run_goes(tmp_path: Path) -> None:
    write(tmp_path, 0, [2, 4, 5])
    assert write(tmp_path, 5, [6]) == [2, 4, 6]


def test_what_was_evaluated_only_because_the_run_ended_goes(tmp_path: Path) -> None:
    write(tmp_path, 0, [2, 4, 6, 8], ended=True)
    write(tmp_path, 8, [10], ended=True)
    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in lines if "coverage" in line] == [6, 10]
    (closed,) = [line for line in lines if line["step"] == 8]
    assert not EVALUATED & closed.keys()


def test_lines_of_attempts_that_were_given_up_stay(tmp_path: Path) -> None:
    write(tmp_path, 0, [2, 4, 5])
    write(tmp_path, 0, [2], attempt=2)
    assert write(tmp_path, 2, [4], attempt=2) == [2, 4, 5, 2, 4]
    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert [line["attempt"] for line in lines] == [1, 1, 1, 2, 2]
    assert write(tmp_path, 2, [4], attempt=1) == [2, 4], "what was given up is made again"


def test_lines_of_version_0_1_counted_attempts_from_0(tmp_path: Path) -> None:
    write(tmp_path, 0, [2, 4])
    write(tmp_path, 0, [2], attempt=2)
    path = tmp_path / "metrics.jsonl"
    before = read_metrics(path)
    old = [json.dumps(line | {"attempt": line["attempt"] - 1}) + "\n" for line in before]
    path.write_text("".join(old))
    assert read_metrics(path) == before
    assert write(tmp_path, 2, [4], attempt=2) == [2, 4, 2, 4]


def test_training_time_adds_up_over_restarts(tmp_path: Path) -> None:
    write(tmp_path, 0, [2])
    write(tmp_path, 2, [4])
    first, second = read_metrics(tmp_path / "metrics.jsonl")
    assert first["seconds"] < 100
    assert 200 <= second["seconds"] < 300
    assert second["images_per_second"] > 0


@pytest.mark.parametrize("altered", ['"step"- 4', '"step": NaN', '"step": 4.5', '"step": true'])
def test_an_altered_line_is_named(tmp_path: Path, altered: str) -> None:
    write(tmp_path, 0, [2, 4])
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text().replace('"step": 4', altered))
    with pytest.raises(InputError, match="line 2 must be metrics"):
        read_metrics(path)
