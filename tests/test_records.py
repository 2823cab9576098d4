"""metrics.jsonl: what survives a crash and what a resumed run says again."""

from __future__ import annotations

import json
from pathlib import Path

from gan_tf.records import Records, read_metrics

METRICS = {"generator_loss": 1.0, "discriminator_loss": 2.0, "d_real": 0.5, "d_fake": 0.5}


def write(directory: Path, step: int, steps: list[int], every: int = 2) -> list[float]:
    with Records(directory, step, every, batch_size=10) as records:
        for each in steps:
            records.append(each, each / 100, METRICS)
        return [line["step"] for line in records.lines]


def test_lines_are_appended_and_a_crash_cuts_none_that_was_whole(tmp_path: Path) -> None:
    write(tmp_path, 0, [2, 4])
    path = tmp_path / "metrics.jsonl"
    whole = path.read_text()
    path.write_text(whole + '{"step": 6, "gener')
    assert [line["step"] for line in read_metrics(path)] == [2, 4]
    assert write(tmp_path, 4, [6]) == [2, 4, 6]
    assert path.read_text().startswith(whole)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [2, 4, 6]


def test_what_came_after_the_checkpoint_is_said_again_once(tmp_path: Path) -> None:
    write(tmp_path, 0, [2, 4, 6])
    assert write(tmp_path, 3, [4, 6, 8]) == [2, 4, 6, 8]


def test_the_line_that_closed_a_shorter_run_goes(tmp_path: Path) -> None:
    write(tmp_path, 0, [2, 4, 5])
    assert write(tmp_path, 5, [6]) == [2, 4, 6]


def test_training_time_adds_up_over_restarts(tmp_path: Path) -> None:
    write(tmp_path, 0, [2])
    before = read_metrics(tmp_path / "metrics.jsonl")[-1]["seconds"]
    write(tmp_path, 2, [4])
    line = read_metrics(tmp_path / "metrics.jsonl")[-1]
    assert line["seconds"] >= before
    assert line["images_per_second"] > 0
