"""Conditional networks and their step: what labels change, and what they must not."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.data.feed import Batch
from gan_tf.game.latents import Draw, stream_seed, uniform_labels
from gan_tf.game.losses import discriminator_objective, generator_objective
from gan_tf.game.optimizers import Adam
from gan_tf.game.players import new_state
from gan_tf.game.rules import Game
from gan_tf.game.step import step
from gan_tf.models import ARCHITECTURES, Architecture, networks
from gan_tf.models.calling import apply
from gan_tf.models.layers.classes import ClassAffine, Projection

from .conftest import Command, assert_same_bits, metrics
from .test_theory import of_five_points

WAYS = [(name, way) for name, each in ARCHITECTURES.items() for way in each.conditions]
CLASSES = 7


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_labels_change_images_and_logits(name: str, way: str) -> None:
    pair = networks(name, conditional=way, classes=CLASSES)
    generator, discriminator = pair.generator(16, (28, 28, 3)), pair.discriminator((28, 28, 3))
    z = tf.random.stateless_normal([CLASSES, 16], [0, 0])
    same, every = tf.zeros([CLASSES], tf.int64), tf.range(CLASSES, dtype=tf.int64)
    for table in (w for w in generator.weights if w.path.endswith(("scales", "shifts"))):
        table.assign(tf.random.stateless_normal(table.shape, [0, 1]))  # They start at 0.
    images = apply(generator, z, every, training=False)
    assert images.shape == (CLASSES, 28, 28, 3)
    moved = np.abs(images - apply(generator, z, same, training=False)).max(axis=(1, 2, 3))
    assert moved[0] == 0.0
    assert (moved[1:] > 1e-5).all()
    logits = apply(discriminator, images, every, training=False)
    assert (logits.shape, logits.dtype) == ((CLASSES, 1), tf.float32)
    assert np.abs(logits - apply(discriminator, images, same, training=False))[1:].all()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(logits := apply(discriminator, images, every, training=True))
    gradients = tape.gradient(total, discriminator.trainable_variables)
    assert all(isinstance(each, tf.Tensor) for each in gradients), "a table's is dense, too"


def test_a_class_affine_starts_as_nothing_and_a_projection_is_the_papers() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5, 6)).astype(np.float32)
    labels = np.array([0, 2, 1, 2, 0])
    affine = ClassAffine(3)
    np.testing.assert_array_equal(affine([features, labels]), features)
    affine.scales.assign(rng.normal(size=(3, 6)))
    affine.shifts.assign(rng.normal(size=(3, 6)))
    a, b = affine.scales.numpy()[labels], affine.shifts.numpy()[labels]
    np.testing.assert_allclose(affine([features, labels]), features * (1 + a) + b, rtol=1e-5)
    projection = Projection(3)
    logits = projection([features, labels]).numpy()
    e, v, c = (w.numpy() for w in (projection.table, projection.kernel, projection.bias))
    expected = (features * e[labels]).sum(axis=1) + features @ v[:, 0] + c
    np.testing.assert_allclose(logits[:, 0], expected, rtol=1e-4, atol=1e-6)


# Of two classes and five points: p(x | y), and the classes' shares in the data.
DATA = np.array([[0.40, 0.30, 0.15, 0.10, 0.05], [0.05, 0.05, 0.20, 0.30, 0.40]])
FAKE = np.array([[0.10, 0.15, 0.25, 0.20, 0.30], [0.30, 0.20, 0.20, 0.20, 0.10]])
SHARES = np.array([0.75, 0.25])


@pytest.mark.parametrize("uniform", [False, True], ids=["labels of the reals", "uniform labels"])
def test_the_step_reaches_the_optimal_discriminator_of_a_joint_distribution(uniform: bool) -> None:
    """D*(x, y) = p(x, y) / (p(x, y) + p_g(x, y)), to 0.02, by training D against a frozen G that
    is asked for the labels of the reals, or for each class as often."""
    number = 2_000
    edges = np.concatenate([np.zeros([2, 1]), np.cumsum(FAKE, axis=1)[:, :-1]], axis=1)

    def generator(latent_dim: int, image_shape: tuple[int, int, int]) -> keras.Model:
        z, y = keras.Input([latent_dim]), keras.Input([], dtype="int64")
        of_class = keras.ops.matmul(keras.ops.one_hot(y, 2), edges.astype(np.float32))
        point = keras.ops.sum(keras.ops.cast(z >= of_class, "int32"), axis=-1) - 1
        images = keras.ops.reshape(keras.ops.one_hot(point, 5), [-1, *image_shape])
        return keras.Model([z, y], images)

    def discriminator(image_shape: tuple[int, int, int]) -> keras.Model:
        x, y = keras.Input(image_shape), keras.Input([], dtype="int64")
        return keras.Model([x, y], Projection(2)([keras.layers.Flatten()(x), y]))

    state = of_five_points(Architecture(generator, discriminator))

    def draw(n: tf.Tensor) -> Draw:
        z = tf.random.stateless_uniform([number, 1], [0, n], alg="philox")
        return Draw(z, uniform_labels(number, 2, stream_seed(1, 0, n)) if uniform else None, n)

    loss = discriminator_objective("non_saturating", 0.0, "sum")
    of_g = generator_objective("non_saturating")
    game = Game(state, of_g, loss, draw, generator_steps=0)
    run = tf.function(functools.partial(step, game))
    rng = np.random.default_rng(0)
    for _ in range(400):
        labels = rng.choice(2, number, p=SHARES)
        points = (rng.random((number, 1)) >= np.cumsum(DATA, axis=1)[labels]).sum(axis=1).clip(0, 4)
        images = np.eye(5, dtype=np.float32)[points].reshape(1, number, 1, 1, 5)
        run(Batch(tf.constant(images), tf.constant(labels[None])))
    every = np.tile(np.eye(5, dtype=np.float32), [2, 1]).reshape(10, 1, 1, 5)
    logits = apply(state.discriminator.network, every, np.repeat([0, 1], 5), training=False)
    data, fake = DATA * SHARES[:, None], FAKE * (0.5 if uniform else SHARES[:, None])
    optimal = (data / (data + fake)).ravel()
    np.testing.assert_allclose(1 / (1 + np.exp(-logits.numpy().ravel())), optimal, atol=0.02)


def always(draw: Draw, number: tf.Tensor) -> Draw:
    return draw


def test_both_orders_of_one_pass_and_two_learn_from_the_same_labels() -> None:
    """Simultaneous updates of a conditional pair are those of two passes, one after the other."""
    games = []
    for update in ("simultaneous", "discriminator_first"):
        adam = functools.partial(Adam, beta_1=0.5, beta_2=0.999, epsilon=1e-7)
        still = functools.partial(adam, learning_rate=0.0)
        moves = functools.partial(adam, learning_rate=1e-3)
        state = new_state(
            networks("dcgan", 8, "projection", 10),
            image_shape=(28, 28, 1),
            latent_dim=10,
            seed=0,
            precision="float32",
            generator_optimizer=moves,
            discriminator_optimizer=still,  # So G's update sees the same D in both.
            reals=np.zeros((1, 28, 28, 1), np.uint8),
        )
        draw = Draw(tf.random.stateless_normal([16, 10], [0, 0]), tf.range(16, dtype=tf.int64) % 10)
        generator_loss = generator_objective("non_saturating")
        discriminator_loss = discriminator_objective("non_saturating", 0.0, "sum")
        game = Game(state, generator_loss, discriminator_loss, functools.partial(always, draw))
        games.append(dataclasses.replace(game, update=update, same_latents=True))
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (1, 16, 28, 28, 1)).astype(np.float32)
    reals = Batch(tf.constant(images), tf.constant(rng.integers(0, 10, (1, 16))))
    found: list[Any] = [step(game, reals) for game in games]
    assert float(found[0]["generator_loss"]) == pytest.approx(float(found[1]["generator_loss"]))
    pairs = zip(*(game.state.generator.weights for game in games), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, atol=2e-5)


RUN = (
    *("--arch=mlp", "--conditional=concat", "--fake_labels=uniform", "--augment=ada"),
    *("--batch_size=16", "--log_every=3", "--sample_every=6", "--checkpoint_every=3"),
    *("--evaluate_every=6", "--evaluate_images=500", "--export=none"),
)


def test_a_conditional_run_resumes_with_the_same_bits(command: Command, tmp_path: Path) -> None:
    whole = command("train", *RUN, "--run_dir=whole", "--steps=12")
    assert whole.returncode == 0, whole.stderr
    for steps in (6, 12):
        assert command("train", *RUN, "--run_dir=parts", f"--steps={steps}").returncode == 0
    assert_same_bits(tmp_path / "whole", tmp_path / "parts", 12)
    lines = metrics(tmp_path / "whole")
    assert {"label_accuracy", "label_effect", "class_spread"} <= set(lines[-1])
    kept = json.loads((tmp_path / "whole" / "config.json").read_text())["data"]["classes"]
    assert (list(kept), kept["5"]) == ([str(digit) for digit in range(10)], 5421)
    grids = [(tmp_path / run / "samples" / "step-00000012.png") for run in ("whole", "parts")]
    assert grids[0].read_bytes() == grids[1].read_bytes()
