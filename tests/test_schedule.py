"""What is due at a step: the same whatever the run's length, but at its end."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gan_tf.training.schedule import Schedule

CADENCES: dict[str, Any] = {"log_every": 4, "sample_every": 5, "checkpoint_every": 7}


def test_a_line_comes_at_both_cadences() -> None:
    schedule = Schedule(total=1_000, evaluate_every=6, **CADENCES)
    due = [step for step in range(1, 13) if schedule.due(step).line]
    assert due == [4, 6, 8, 12]
    assert [schedule.summed(step) for step in (*due, 11)] == [0, 0, 0, 0, 3]


def test_the_end_brings_everything_and_counts_for_nothing_that_a_longer_run_would_not_do() -> None:
    due = Schedule(total=11, evaluate_every=6, **CADENCES).due(11)
    assert (due.line, due.evaluation, due.grid, due.checkpoint) == (True, True, True, True)
    assert (due.sums, due.best) == (False, False)
    longer = Schedule(total=12, evaluate_every=6, **CADENCES).due(11)
    assert not any(longer)


def test_without_evaluations_none_is_due() -> None:
    schedule = Schedule(total=12, evaluate_every=0, **CADENCES)
    assert not any(schedule.due(step).evaluation for step in range(1, 13))


cadence = st.integers(1, 30)


@given(st.integers(1, 200), cadence, cadence, cadence, st.integers(0, 30))
def test_pauses_are_exactly_where_something_is_due(
    total: int, log: int, sample: int, checkpoint: int, evaluate: int
) -> None:
    schedule = Schedule(total, log, sample, checkpoint, evaluate)
    step, pauses = 0, []
    while step < total:
        step = schedule.pause_after(step)
        pauses.append(step)
    assert pauses == [step for step in range(1, total + 1) if any(schedule.due(step))]
