"""Algorithm 1: who is updated, when, with what, and what the state remembers."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.data import scale
from gan_tf.latents import LATENTS, TRAINING_STREAM, stream_seed
from gan_tf.losses import LOSSES
from gan_tf.models import ARCHITECTURES
from gan_tf.optimizers import Adam
from gan_tf.steps import Algorithm1, GanState, new_state

SHAPE = (28, 28, 1)
BATCH = 16


def new(
    arch: str = "mlp",
    *,
    seed: int = 0,
    precision: str = "float32",
    generator_lr: float = 1e-3,
    discriminator_lr: float = 1e-3,
) -> Algorithm1:
    adam = functools.partial(Adam, beta_1=0.5, beta_2=0.999)
    state = new_state(
        ARCHITECTURES[arch],
        SHAPE,
        10,
        seed,
        precision,
        functools.partial(adam, learning_rate=generator_lr),
        functools.partial(adam, learning_rate=discriminator_lr),
    )

    def draw(counter: tf.Tensor) -> tf.Tensor:
        return LATENTS["normal"]((BATCH, 10), stream_seed(seed, TRAINING_STREAM, counter))

    return Algorithm1(state, LOSSES["non_saturating"], draw, 0.1, 0.9)


def reals(k: int = 1) -> tf.Tensor:
    pixels = np.random.default_rng(0).integers(0, 256, (k, BATCH, *SHAPE), np.uint8)
    return scale(pixels)


def snapshot(state: GanState) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in state.variables.items()}


def weights(state: GanState, player: str) -> list[np.ndarray]:
    network = getattr(state, player).network
    return [weight.numpy() for weight in network.trainable_variables]


def test_each_player_moves_by_its_own_rate_alone() -> None:
    for still, rates in (
        ("generator", (0.0, 1e-3)),
        ("discriminator", (1e-3, 0.0)),
    ):
        algorithm = new(generator_lr=rates[0], discriminator_lr=rates[1])
        before = {p: weights(algorithm.state, p) for p in ("generator", "discriminator")}
        algorithm.step(reals())
        for player, old in before.items():
            moved = [
                not np.array_equal(a, b)
                for a, b in zip(old, weights(algorithm.state, player), strict=True)
            ]
            assert (any(moved) is False) if player == still else all(moved)


def test_the_discriminator_moves_k_times_on_k_batches_and_the_generator_once() -> None:
    algorithm = new()
    for player, count in (("generator", 0), ("discriminator", 0)):
        assert int(getattr(algorithm.state, player).optimizer.variables[0]) == count
    algorithm.step(reals(3))
    assert int(algorithm.state.discriminator.optimizer.variables[0]) == 3
    assert int(algorithm.state.generator.optimizer.variables[0]) == 1
    assert int(algorithm.state.step) == 1


def test_the_generator_learns_from_the_updated_discriminator_on_fresh_latents() -> None:
    """The step equals the same updates made one by one, D first, in Algorithm 1's order."""
    whole, parts = new("dcgan"), new("dcgan")
    whole.step(reals(2))
    k = 2
    for i in range(k):
        gradients, _ = parts.discriminator_gradients(
            reals(k)[i], parts.draw_latents(tf.constant(i, tf.int64))
        )
        parts.state.discriminator.optimizer.apply(gradients)
    gradients, _ = parts.generator_gradients(parts.draw_latents(tf.constant(k, tf.int64)))
    parts.state.generator.optimizer.apply(gradients)
    for player in ("generator", "discriminator"):
        for a, b in zip(weights(whole.state, player), weights(parts.state, player), strict=True):
            np.testing.assert_array_equal(a, b)


def test_no_latents_are_drawn_twice() -> None:
    algorithm = new()
    drawn: list[int] = []
    draw = algorithm.draw_latents

    def noting(counter: tf.Tensor) -> tf.Tensor:
        drawn.append(int(counter))
        return draw(counter)

    object.__setattr__(algorithm, "draw_latents", noting)
    for _ in range(3):
        algorithm.step(reals(2))
    assert drawn == list(range(9))


def test_the_average_lags_the_generator_by_its_decay() -> None:
    algorithm = new("dcgan")
    state = algorithm.state
    before = [w.numpy() for w in state.ema_generator.weights]
    for step in (1, 2, 3):
        algorithm.step(reals())
        decay = min(0.9, (1 + step - 1) / (10 + step - 1))
        now = [w.numpy() for w in state.generator.network.weights]
        before = [decay * b + (1 - decay) * n for b, n in zip(before, now, strict=True)]
        for expected, found in zip(before, state.ema_generator.weights, strict=True):
            np.testing.assert_allclose(expected, found.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("arch", list(ARCHITECTURES))
def test_the_variables_are_the_whole_memory(arch: str) -> None:
    """A state of another seed that is given them goes on with the same bits."""
    one, other = new(arch, seed=1), new(arch, seed=2)
    one.step(reals())
    for name, value in snapshot(one.state).items():
        other.state.variables[name].assign(value)
    object.__setattr__(other, "draw_latents", one.draw_latents)
    one.step(reals())
    other.step(reals())
    for name, value in snapshot(one.state).items():
        np.testing.assert_array_equal(value, other.state.variables[name].numpy(), err_msg=name)


def test_the_same_seed_builds_the_same_networks_and_another_seed_others() -> None:
    one, same, other = (snapshot(new(seed=seed).state) for seed in (5, 5, 6))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["generator/000"], other["generator/000"])


def test_a_step_lowers_the_losses_it_descends() -> None:
    """On one fixed batch each player alone brings its own loss down."""
    algorithm = new(generator_lr=0.0, discriminator_lr=1e-3)
    losses = [float(algorithm.step(reals())["discriminator_loss"]) for _ in range(30)]
    assert losses[-1] < 0.6 * losses[0]
    algorithm = new(generator_lr=1e-3, discriminator_lr=0.0)
    losses = [float(algorithm.step(reals())["generator_loss"]) for _ in range(30)]
    assert losses[-1] < 0.6 * losses[0]
