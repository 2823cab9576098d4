"""The compiled call: one trace, the same bits however steps are grouped, a halt when not finite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_tf import data
from gan_tf.loop import Loop, NotFiniteError
from gan_tf.steps import Game

from .test_steps import BATCH, new, snapshot

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8)


def batches(first: int, steps: int) -> np.ndarray:
    return data.batch_indices(first, steps, BATCH, len(IMAGES), seed=0).reshape(steps, 1, BATCH)


def loop_of(game: Game) -> Loop:
    return Loop(game.step, game.state, IMAGES, 1, BATCH)


def test_any_number_of_steps_shares_one_trace() -> None:
    game = new()
    traces = 0

    def counted(reals: tf.Tensor) -> dict[str, tf.Tensor]:
        nonlocal traces
        traces += 1
        return game.step(reals)

    loop = Loop(counted, game.state, IMAGES, 1, BATCH)
    for total in (1, 3, 10, 11):
        list(loop.run_until(total, batches, [100]))
    assert traces == 1
    assert loop.executed == int(game.state.step) == 11


def test_grouping_steps_into_calls_changes_no_bit() -> None:
    results = []
    for pauses in ([1], [5], [3, 2]):
        game = new("dcgan")
        loop = loop_of(game)
        yielded = list(loop.run_until(10, batches, pauses))
        assert set(yielded) >= {step for step in range(1, 11) if any(step % p == 0 for p in pauses)}
        results.append(snapshot(game.state) | {n: v.numpy() for n, v in loop.variables.items()})
    for other in results[1:]:
        for name, value in results[0].items():
            np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_the_compiled_steps_equal_the_plain_ones() -> None:
    plain, compiled = new(), new()
    loop = loop_of(compiled)
    list(loop.run_until(4, batches, [1]))
    seen = [plain.step(data.scale(IMAGES[batches(step, 1)[0]])) for step in range(4)]
    for name, mean in loop.means(4).items():
        assert mean == pytest.approx(np.mean([float(each[name]) for each in seen]), rel=1e-4)
    for name, value in snapshot(plain.state).items():
        np.testing.assert_allclose(
            value, compiled.state.variables[name].numpy(), rtol=1e-3, atol=1e-5, err_msg=name
        )


def test_it_halts_at_the_very_step_that_is_not_finite() -> None:
    game = new()

    def broken_at_7(reals: tf.Tensor) -> dict[str, tf.Tensor]:
        metrics = game.step(reals)
        bad = tf.equal(game.state.step, 7)
        return metrics | {"d_fake": tf.where(bad, np.nan, metrics["d_fake"])}

    loop = Loop(broken_at_7, game.state, IMAGES, 1, BATCH)
    with pytest.raises(NotFiniteError) as caught:
        list(loop.run_until(20, batches, [100]))
    assert caught.value.args == (7, ["d_fake"])
    assert int(game.state.step) == loop.executed == 7


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_steps_give_the_same_bits_every_time(precision: str, data_dir: Path) -> None:
    """Ops run in parallel, in an order that differs each time; the sums must not."""
    game = new("dcgan", precision=precision)
    mnist = data.load("mnist", data_dir, None).images  # With fewer it never showed.
    loop = Loop(game.step, game.state, mnist, 1, BATCH)
    start = {name: variable.numpy() for name, variable in loop.variables.items()}
    ends = set()
    for _ in range(20):
        for name, variable in loop.variables.items():
            variable.assign(start[name])
        list(loop.run_until(6, batches, [6]))
        ends.add(b"".join(variable.numpy().tobytes() for variable in loop.variables.values()))
    assert len(ends) == 1
