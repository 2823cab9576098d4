"""The compiled call: one trace, the same bits however steps are grouped, a halt when not finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.data import pixels
from gan_tf.data.cache import Split
from gan_tf.data.dataset import open_dataset
from gan_tf.data.feed import Batch, Feed
from gan_tf.data.rows import Rows
from gan_tf.evaluation.measure import Measure
from gan_tf.evaluation.reals import Unseen
from gan_tf.game.latents import LATENTS
from gan_tf.game.rules import Game, metrics_of
from gan_tf.game.step import step
from gan_tf.host import process
from gan_tf.training.loop import Loop, NotFiniteError

from .test_steps import BATCH, new, snapshot

REALS = Split(
    np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8),
    np.random.default_rng(1).integers(0, 10, 40),
)


@pytest.fixture(autouse=True)
def reproducible() -> Iterator[None]:
    """As `train` runs them."""
    with process.reproducible():
        yield


def feed_of(reals: Split) -> Feed:
    return Feed(reals, batch_size=BATCH, discriminator_steps=1, seed=0)


def loop_of(game: Game, reals: Split = REALS) -> Loop:
    return Loop(lambda batch: step(game, batch), game.state, feed_of(reals))


def every(*steps: int) -> Callable[[int], int]:
    """A pause at each multiple of these."""
    return lambda done: min((done // each + 1) * each for each in steps)


def test_run_after_run_in_one_program_warns_of_no_retracing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """TensorFlow counts graphs of the same code."""
    state = new().state

    def nothing(_: Batch) -> dict[str, tf.Tensor]:
        state.step.assign_add(1)
        return {name: tf.constant(0.0) for name in metrics_of(state)}

    logger = tf.get_logger()
    logger.addHandler(caplog.handler)
    try:
        for total in range(1, 13):
            loop = Loop(nothing, state, feed_of(REALS))
            list(loop.run_until(total, lambda _, total=total: total))  # type: ignore[misc]
            draw, loss = LATENTS["normal"], "non_saturating"
            Measure(
                state,
                Unseen(Rows(REALS.images), REALS.labels),
                draw,
                most=20,
                latent_dim=10,
                seed=0,
                loss=loss,
            )(total)
    finally:
        logger.removeHandler(caplog.handler)
    assert not caplog.messages


def test_any_number_of_steps_shares_one_trace() -> None:
    game = new()
    traces = 0

    def counted(reals: Batch) -> dict[str, tf.Tensor]:
        nonlocal traces
        traces += 1
        return step(game, reals)

    loop = Loop(counted, game.state, feed_of(REALS))
    for total in (1, 3, 10, 11):
        list(loop.run_until(total, lambda _, total=total: total))  # type: ignore[misc]
    assert traces == 1
    assert loop.executed == int(game.state.step) == 11


def test_the_speed_is_known_once_a_call_neither_compiled_nor_was_short() -> None:
    loop = loop_of(new())
    assert loop.steps_per_second is None
    list(loop.run_until(1, every(1)))
    assert loop.steps_per_second is None, "that call compiled"
    loop = Loop(lambda batch: step(game, batch), (game := new()).state, feed_of(REALS), 1e-6)
    list(loop.run_until(3, every(1)))
    assert loop.steps_per_second
    assert loop.steps_per_second > 0


def test_grouping_steps_into_calls_changes_no_bit() -> None:
    results = []
    for pauses in ([1], [5], [3, 2]):
        game = new("dcgan")
        loop = loop_of(game)
        yielded = list(loop.run_until(10, every(10, *pauses)))
        assert set(yielded) >= {n for n in range(1, 11) if any(n % p == 0 for p in pauses)}
        results.append(snapshot(game.state) | {n: v.numpy() for n, v in loop.variables.items()})
    for other in results[1:]:
        for name, value in results[0].items():
            np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_the_compiled_steps_equal_the_plain_ones() -> None:
    plain, compiled = new(), new()
    loop = loop_of(compiled)
    list(loop.run_until(4, every(1)))
    feed = feed_of(REALS)
    seen = [step(plain, feed.gather(feed.indices(number, 1)[0])) for number in range(4)]
    for name, mean in loop.means().items():
        assert mean == pytest.approx(np.mean([float(each[name]) for each in seen]), rel=1e-4)
    for name, value in snapshot(plain.state).items():
        np.testing.assert_allclose(
            value, compiled.state.variables[name].numpy(), rtol=1e-3, atol=1e-5, err_msg=name
        )


def test_labels_reach_the_step_with_their_images() -> None:
    """The step sees a batch's images and labels as the feed says, k batches at a time."""
    game = new()
    feed = Feed(REALS, batch_size=BATCH, discriminator_steps=2, seed=3)
    seen: list[Batch] = []

    def noting(batch: Batch) -> dict[str, tf.Tensor]:
        seen.append(batch)
        return step(game, batch)

    feed.gather(feed.indices(0, 1)[0])
    batch = feed.gather(feed.indices(5, 1)[0])
    noting(batch)
    indices = feed.indices(5, 1)[0]
    assert indices.shape == (2, BATCH)
    np.testing.assert_array_equal(seen[0].labels, REALS.labels[indices])
    np.testing.assert_array_equal(pixels.unscale(seen[0].images.numpy()), REALS.images[indices])


def test_it_halts_at_the_very_step_that_is_not_finite() -> None:
    game = new()

    def broken_at_7(reals: Batch) -> dict[str, tf.Tensor]:
        metrics = step(game, reals)
        bad = tf.equal(game.state.step, 7)
        return metrics | {"d_fake": tf.where(bad, np.nan, metrics["d_fake"])}

    loop = Loop(broken_at_7, game.state, feed_of(REALS))
    with pytest.raises(NotFiniteError) as caught:
        list(loop.run_until(20, lambda _: 20))
    assert caught.value.args == (7, ["d_fake"])
    assert int(game.state.step) == loop.executed == 7


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_steps_give_the_same_bits_every_time(precision: str, data_dir: Path) -> None:
    """Ops run in parallel, in an order that differs each time; the sums must not."""
    game = new("dcgan", precision=precision)
    loop = loop_of(game, open_dataset("mnist", data_dir).split("train"))  # Fewer never showed it.
    start = {name: variable.numpy() for name, variable in loop.variables.items()}
    ends = set()
    for _ in range(20):
        for name, variable in loop.variables.items():
            variable.assign(start[name])
        list(loop.run_until(6, lambda _: 6))
        ends.add(b"".join(variable.numpy().tobytes() for variable in loop.variables.values()))
    assert len(ends) == 1
