"""Algorithm 1: who is updated, when, with what, and what the state remembers."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.data.dataset import open_dataset
from gan_tf.data.feed import Batch
from gan_tf.data.pixels import scale
from gan_tf.game.algorithm_1 import update_discriminator, update_generator
from gan_tf.game.latents import LATENTS, Draw, training_draws
from gan_tf.game.losses import LOSSES, discriminator_objective, generator_objective
from gan_tf.game.optimizers import Adam
from gan_tf.game.players import GanState, new_state
from gan_tf.game.rules import METRICS, Game
from gan_tf.game.schedules import growing
from gan_tf.game.step import UPDATES, step
from gan_tf.models import ARCHITECTURES, networks

SHAPE = (28, 28, 1)
BATCH = 16


def new(
    arch: str = "mlp",
    *,
    seed: int = 0,
    precision: str = "float32",
    generator_lr: float = 1e-3,
    discriminator_lr: float = 1e-3,
    loss: str = "non_saturating",
    **rules: Any,
) -> Game:
    adam = functools.partial(Adam, beta_1=0.5, beta_2=0.999, epsilon=1e-7)
    needs_labels = ARCHITECTURES[arch].needs_labels
    state = new_state(
        networks(arch, conditional="concat" if needs_labels else "none", classes=10),
        image_shape=SHAPE,
        latent_dim=10,
        seed=seed,
        precision=precision,
        generator_optimizer=functools.partial(adam, learning_rate=generator_lr),
        discriminator_optimizer=functools.partial(adam, learning_rate=discriminator_lr),
        reals=np.zeros((1, *SHAPE), np.uint8),
    )
    draw = training_draws(LATENTS["normal"], BATCH, 10, seed=seed)
    generator_loss = generator_objective(loss)
    smoothing = 0.1 if LOSSES[loss].smoothable else 0.0
    discriminator_loss = discriminator_objective(loss, smoothing, "sum")
    return Game(
        state,
        generator_loss,
        discriminator_loss,
        draw,
        **{"average": growing(0.9), "compares": LOSSES[loss].compares} | rules,
    )


def reals(k: int = 1) -> Batch:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (k, BATCH, *SHAPE), np.uint8)
    return Batch(scale(pixels), tf.constant(rng.integers(0, 10, (k, BATCH))))


def batch(number: int = 0, k: int = 1) -> Batch:
    """One batch of `reals(k)`."""
    return Batch(*(each[number] for each in reals(k)))


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
        game = new(generator_lr=rates[0], discriminator_lr=rates[1])
        before = {p: weights(game.state, p) for p in ("generator", "discriminator")}
        step(game, reals())
        for player, old in before.items():
            moved = [
                not np.array_equal(a, b)
                for a, b in zip(old, weights(game.state, player), strict=True)
            ]
            assert (any(moved) is False) if player == still else all(moved)


def test_the_discriminator_moves_k_times_on_k_batches_and_the_generator_once() -> None:
    game = new()
    for player, count in (("generator", 0), ("discriminator", 0)):
        assert int(getattr(game.state, player).optimizer.variables[0]) == count
    step(game, reals(3))
    assert int(game.state.discriminator.optimizer.variables[0]) == 3
    assert int(game.state.generator.optimizer.variables[0]) == 1
    assert int(game.state.step) == 1


def draw(game: Game, number: int) -> Draw:
    return game.draw(tf.constant(number, tf.int64))


def assert_same_players(one: Game, other: Game) -> None:
    for player in ("generator", "discriminator"):
        for a, b in zip(weights(one.state, player), weights(other.state, player), strict=True):
            np.testing.assert_array_equal(a, b)


def test_discriminator_first_is_game_1() -> None:
    """k updates of D on a batch and fresh latents each, then G's on fresh ones."""
    whole, parts = new("dcgan"), new("dcgan")
    step(whole, reals(2))
    for i in range(2):
        update_discriminator(parts, batch(i, 2), draw(parts, i))
    update_generator(parts, batch(1, 2), draw(parts, 2))
    assert_same_players(whole, parts)


def test_the_same_latents_are_those_of_the_last_discriminator_update() -> None:
    whole, parts = new("dcgan", same_latents=True), new("dcgan")
    step(whole, reals(2))
    for i in range(2):
        update_discriminator(parts, batch(i, 2), draw(parts, i))
    update_generator(parts, batch(1, 2), draw(parts, 1))
    assert_same_players(whole, parts)


@pytest.mark.parametrize("same", [False, True])
def test_generator_first(same: bool) -> None:
    """G's update through D as it was, then D's on fakes of the G just updated."""
    whole, parts = new("dcgan", update="generator_first", same_latents=same), new("dcgan")
    step(whole, reals())
    update_generator(parts, batch(), draw(parts, 1 if same else 0))
    update_discriminator(parts, batch(), draw(parts, 1))
    assert_same_players(whole, parts)


@pytest.mark.parametrize("bias", [0, -200])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_simultaneous_updates_do_not_see_each_other(loss: str, bias: int) -> None:
    """Both gradients are those at the players as they were before the step; also where D is so
    sure that its own loss has no slope at the fakes, exactly or to the last bit."""
    whole, first, other = (new("dcgan", loss=loss, update="simultaneous") for _ in range(3))
    for game in (whole, first, other):
        game.state.discriminator.network.layers[-1].bias.assign([bias])
    seen = step(whole, reals())
    update_discriminator(first, batch(), draw(first, 0))
    update_generator(other, batch(), draw(other, 0))
    for expected, player in ((first, "discriminator"), (other, "generator")):
        for a, b in zip(weights(whole.state, player), weights(expected.state, player), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)  # A hundredth of an update.
    assert float(seen["d_fake"]) == float(seen["d_fake_after"])


@pytest.mark.parametrize("update", list(UPDATES))
@pytest.mark.parametrize("steps", [0, 2])
def test_the_generator_moves_as_often_as_asked(update: str, steps: int) -> None:
    game = new(update=update, generator_steps=steps)
    before = weights(game.state, "generator")
    metrics = step(game, reals())
    assert set(metrics) == set(METRICS)
    count = int(game.state.generator.optimizer.variables[0])
    if update == "simultaneous":
        assert count == 1
        return
    assert count == steps
    moved = [
        not np.array_equal(a, b)
        for a, b in zip(before, weights(game.state, "generator"), strict=True)
    ]
    assert all(moved) if steps else not any(moved)


def test_what_d_sees_before_and_after_its_update() -> None:
    game = new("dcgan", same_latents=True)
    for _ in range(5):
        seen = step(game, reals())
        assert float(seen["d_fake_after"]) < float(seen["d_fake"]), "D has learned these fakes"


@pytest.mark.parametrize(
    "rules",
    [{}, {"update": "generator_first"}, {"update": "simultaneous"}, {"generator_steps": 0}],
)
def test_no_latents_are_drawn_twice(rules: dict[str, Any]) -> None:
    drawn: list[int] = []
    game = new(**rules)

    def noting(number: tf.Tensor) -> Draw:
        drawn.append(int(number))
        return game.draw(number)

    noted = dataclasses.replace(game, draw=noting)
    for _ in range(3):
        step(noted, reals(2))
    assert drawn == list(range(len(drawn)))
    assert len(drawn) == 3 * (2 + (0 if {"generator_steps", "update"} & set(rules) else 1)) or (
        rules.get("update") == "generator_first" and len(drawn) == 9
    )


def test_a_loss_of_pairs_shows_d_the_reals_in_both_updates_and_others_in_one() -> None:
    """G learns from them as they are, and D says of each pair which it takes for real."""
    for loss, times in (("relativistic", 4), ("non_saturating", 3)):
        asked: list[tf.Tensor] = []

        def noting(images: tf.Tensor, number: tf.Tensor | int, to: Any = asked) -> tf.Tensor:
            to.append(images)
            return images

        step(new(loss=loss, augment=noting), reals())
        assert len(asked) == times, loss
    pairs = new("dcgan", loss="relativistic")
    discriminator, number = pairs.state.discriminator.network, tf.constant(0, tf.int64)
    fakes = pairs.state.generator.network(pairs.draw(number).latents, training=True)
    apart = discriminator(batch().images) - discriminator(fakes)
    seen = update_discriminator(pairs, batch(), pairs.draw(number))
    share = 1 / (1 + np.exp(-apart.numpy()))
    assert float(seen["d_real"]) == pytest.approx(share.mean(), rel=1e-4)
    assert float(seen["d_fake"]) == pytest.approx(1 - share.mean(), rel=1e-4)


def test_one_shuffled_batch_is_the_mean_of_two_passes() -> None:
    """Where D mixes no examples; so no knob is needed for the authors who shuffle."""
    game = new("mlp")
    discriminator = game.state.discriminator.network
    fakes = game.state.generator.network(draw(game, 0).latents)
    both = tf.concat([batch().images, fakes], 0)
    order = np.random.default_rng(0).permutation(2 * BATCH)
    labels = tf.concat([tf.ones([BATCH, 1]), tf.zeros([BATCH, 1])], 0)
    mixed = tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(
            tf.gather(labels, order), discriminator(tf.gather(both, order), training=False)
        )
    )
    apart = discriminator_objective("non_saturating", 0.0, "mean")(
        discriminator(batch().images, training=False), discriminator(fakes, training=False)
    )
    assert float(mixed) == pytest.approx(float(apart), rel=1e-5)


def test_a_penalty_moves_d_and_stays_out_of_its_reported_loss() -> None:
    plain, penalised = new("dcgan"), new("dcgan")
    penalised = dataclasses.replace(
        penalised,
        penalty=lambda judge, reals, fakes, labels: (
            100.0 * tf.reduce_mean(tf.square(judge(reals.images)))
        ),
    )
    a, b = (step(game, reals())["discriminator_loss"] for game in (plain, penalised))
    assert float(a) == float(b)
    first = weights(plain.state, "discriminator")[0]
    assert not np.array_equal(first, weights(penalised.state, "discriminator")[0])


def test_the_average_lags_the_generator_by_its_decay() -> None:
    game = new("dcgan")
    state = game.state
    before = [w.numpy() for w in state.ema_generator.weights]
    for done in range(3):
        step(game, reals())
        decay = min(0.9, (1 + done) / (10 + done))
        now = [w.numpy() for w in state.generator.network.weights]
        before = [decay * b + (1 - decay) * n for b, n in zip(before, now, strict=True)]
        for expected, found in zip(before, state.ema_generator.weights, strict=True):
            np.testing.assert_allclose(expected, found.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("arch", sorted(set(ARCHITECTURES) - {"tensorflow_notebook"}))
def test_the_variables_are_the_whole_memory(arch: str) -> None:
    """A state of another seed that is given them goes on with the same bits."""
    one, other = new(arch, seed=1), new(arch, seed=2)
    step(one, reals())
    for name, value in snapshot(one.state).items():
        other.state.variables[name].assign(value)
    other = dataclasses.replace(other, draw=one.draw)
    step(one, reals())
    step(other, reals())
    for name, value in snapshot(one.state).items():
        np.testing.assert_array_equal(value, other.state.variables[name].numpy(), err_msg=name)


def test_the_same_seed_builds_the_same_networks_and_another_seed_others() -> None:
    one, same, other = (snapshot(new(seed=seed).state) for seed in (5, 5, 6))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["generator/000"], other["generator/000"])


def test_a_step_lowers_the_losses_it_descends() -> None:
    """On one fixed batch each player alone brings its own loss down."""
    game = new(generator_lr=0.0, discriminator_lr=1e-3)
    losses = [float(step(game, reals())["discriminator_loss"]) for _ in range(30)]
    assert 0 < losses[-1] < 0.6 * losses[0]
    game = new(generator_lr=1e-3, discriminator_lr=0.0)
    losses = [float(step(game, reals())["generator_loss"]) for _ in range(30)]
    assert 0 < losses[-1] < 0.6 * losses[0]


def test_the_step_equals_a_plain_keras_step_on_real_images(data_dir: Path) -> None:
    """Two steps of a small DCGAN against Keras's own optimisers, losses and eager layers."""
    images = open_dataset("mnist", data_dir).split("train").images
    game = new("dcgan", update="simultaneous")
    networks = (game.state.generator.network, game.state.discriminator.network)

    def from_keras(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = getattr(keras.layers, type(layer).__name__)
        return kind.from_config(layer.get_config())

    generator, discriminator = (
        keras.models.clone_model(each, clone_function=from_keras) for each in networks
    )
    for network in (generator, discriminator):
        assert not [x for x in network.layers if type(x).__module__.startswith("gan_tf")]
    for plain, ours in zip((generator, discriminator), networks, strict=True):
        plain.set_weights(ours.get_weights())
    optimizers = [keras.optimizers.Adam(1e-3, beta_1=0.5, epsilon=1e-7) for _ in range(2)]
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    run = tf.function(functools.partial(step, game))
    for done in range(2):
        batch = Batch(scale(images[done * BATCH :][:BATCH]), tf.zeros([BATCH], tf.int64))
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fakes = generator(draw(game, done).latents, training=True)
            real_logits = discriminator(batch.images, training=True)
            fake_logits = discriminator(fakes, training=True)
            ones = tf.ones_like(fake_logits)
            g_loss = cross_entropy(ones, fake_logits)
            d_loss = cross_entropy(0.9 * ones, real_logits) + cross_entropy(0 * ones, fake_logits)
        for tape, loss, network, optimizer in (
            (g_tape, g_loss, generator, optimizers[0]),
            (d_tape, d_loss, discriminator, optimizers[1]),
        ):
            weights = network.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        metrics = run(Batch(*(each[None] for each in batch)))
        np.testing.assert_allclose(metrics["generator_loss"], g_loss, rtol=1e-4)
        np.testing.assert_allclose(metrics["discriminator_loss"], d_loss, rtol=1e-4)
    for plain, ours in zip((generator, discriminator), networks, strict=True):
        for a, b in zip(plain.get_weights(), ours.get_weights(), strict=True):
            # Adam's first steps are the gradients' signs: where one is all but 0, rounding
            # decides it. The mean tells.
            assert np.abs(a - b).mean() < 2e-5
