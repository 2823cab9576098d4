"""What D sees in place of images: each change by its formula, their gradients, and no leak."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.data.feed import Batch
from gan_tf.game import adaptive, affine, colours, penalties
from gan_tf.game.adaptive import Probability
from gan_tf.game.algorithm_1 import update_discriminator, update_generator
from gan_tf.game.augment import Augment, Scheduled, ada, augment_of, diffaugment, mirrored
from gan_tf.game.chance import Chance, uniforms
from gan_tf.game.penalties import penalty_of
from gan_tf.game.rules import Game, metrics_of
from gan_tf.game.schedules import by_images
from gan_tf.game.step import UPDATES, step
from gan_tf.host.errors import InputError

from .conftest import Command, assert_same_bits, checkpoint, dataset_of, metrics, one_line
from .test_steps import assert_same_players, new, reals, snapshot, weights

Floats = npt.NDArray[np.float32]
MANY = 20_000
SPLITS = ("train", "test")
SEED = tf.constant([3, 5], tf.int64)
SHAPES = [(8, 12, 1), (12, 8, 3), (8, 8, 4)]


def images(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, shape), tf.float32)


def chance(probability: float, number: int = MANY) -> Chance:
    return Chance(SEED, number, tf.constant(probability))


def share(found: Any) -> float:
    return float(np.mean(np.asarray(found, np.float64)))


def as_published(image: Floats, numbers: Floats) -> Floats:
    """DiffAugment of one image as its paper says it, one after the other, from U[0, 1)."""
    height, width, channels = image.shape
    brightness, saturation, contrast, right, down, left, top = numbers
    colour = image[..., :3] + (brightness - 0.5)
    mean = colour.mean(2, keepdims=True)
    colour = (colour - mean) * (2 * saturation) + mean
    colour = (colour - colour.mean()) * (contrast + 0.5) + colour.mean()
    image = np.concatenate([colour, image[..., 3:]], 2)
    void = -1.0 if channels == 4 else 0.0
    most = round(height / 8), round(width / 8)
    padded = np.pad(image, [[most[0]] * 2, [most[1]] * 2, [0, 0]], constant_values=void)
    y, x = (int(n * (2 * m + 1)) for n, m in zip((down, right), most, strict=True))
    y, x = 2 * most[0] - y, 2 * most[1] - x  # From where, in the padded image.
    image = padded[y : y + height, x : x + width].copy()
    y, x = int(top * (height + 1)), int(left * (width + 1))  # Halves are even here.
    rows = slice(max(0, y - height // 4), y + height // 4)
    image[rows, max(0, x - width // 4) : x + width // 4] = void
    return image


@pytest.mark.parametrize("shape", [(8, 16, 1), (16, 8, 3), (8, 8, 4)])
def test_diffaugment_is_what_its_paper_says(shape: tuple[int, int, int]) -> None:
    given = images(500, *shape)
    numbers = np.stack(uniforms(SEED, 7, 500), 1)
    expected = [as_published(*each) for each in zip(given.numpy(), numbers, strict=True)]
    np.testing.assert_allclose(diffaugment(given, SEED), np.stack(expected), atol=2e-6)


def test_the_sizes_of_diffaugments_changes() -> None:
    """By a large sample of grey images of two halves: U(-0.5, 0.5), U(0.5, 1.5), and how often a
    pixel is cut out."""
    halves = np.zeros((MANY, 8, 8, 1), np.float32)
    halves[:, :4], halves[:, 4:] = 0.4, -0.2
    seen = diffaugment(tf.constant(halves), SEED).numpy()[..., 0]
    corners = seen[:, 1, 6], seen[:, 6, 6]  # A translation by 1 leaves the half, or brings in 0.
    cut = [corner == 0 for corner in corners]
    # The middle of 4 x 4 is at one of 9 x 9 places, 4 of 9 cut a row or column; 1 of 3 moves bring
    # in nothing there.
    assert share(cut[0]) == pytest.approx((4 / 9) ** 2, abs=0.01)
    upper, lower = (corner[~cut[0] & ~cut[1]] for corner in corners)
    contrast, middle = (upper - lower) / 0.6, (upper + lower) / 2 - 0.1
    assert (contrast.min(), contrast.max()) == pytest.approx((0.5, 1.5), abs=0.001)
    assert share(contrast) == pytest.approx(1.0, abs=0.01)
    assert (middle.min(), middle.max()) == pytest.approx((-0.5, 0.5), abs=0.001)
    assert share(middle**2) == pytest.approx(1 / 12, abs=0.003)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_the_colours_of_ada(probability: float) -> None:
    """From the numbers that a few colours become, back to the changes."""
    p = probability
    grey, red, green = ([0.4] * 3, [1.0, 0, 0], [0, 1.0, 0])
    given = np.array([[[0.0] * 3, grey, red, green]], np.float32)
    seen = colours.change(tf.constant(np.repeat(given[None], MANY, 0)), chance(p)).numpy()[:, 0]
    black, grey_seen = seen[:, 0], seen[:, 1]
    np.testing.assert_allclose(black, black[:, :1] * [1, 1, 1], atol=2e-5)
    factor = (grey_seen - black)[:, 0] / 0.4  # Contrast with the flip's sign.
    brightness = black[:, 0] / factor
    assert share(brightness != 0.0) == pytest.approx(p, abs=0.015)
    assert share(brightness**2) == pytest.approx(p * 0.04, rel=0.06)
    assert share(factor < 0) == pytest.approx(p / 2, abs=0.015)
    contrast = np.log2(np.abs(factor))
    assert share(np.abs(contrast) > 1e-4) == pytest.approx(p, abs=0.015)
    assert share(contrast) == pytest.approx(0.0, abs=0.015)
    assert share(contrast**2) == pytest.approx(p * 0.25, rel=0.06)
    off = [(each - black) / np.abs(factor)[:, None] for each in (seen[:, 2], seen[:, 3])]
    off = [each - each.mean(1, keepdims=True) for each in off]
    length = np.log2(np.linalg.norm(off[0], axis=1) / math.sqrt(2 / 3))
    assert share(np.abs(length) > 1e-4) == pytest.approx(p, abs=0.015)
    assert share(length**2) == pytest.approx(p, rel=0.06)
    start = np.array([2, -1, -1]) / math.sqrt(6)
    angle = np.arctan2(off[0] @ np.cross([1, 1, 1], start) / math.sqrt(3), off[0] @ start)
    assert share(np.abs(angle) > 1e-4) == pytest.approx(p, abs=0.015)
    assert share(angle**2) == pytest.approx(p * math.pi**2 / 3, rel=0.06)
    between = np.sum(off[0] * off[1], 1) / np.linalg.norm(off[0], axis=1) ** 2
    np.testing.assert_allclose(between, -0.5, atol=1e-3)  # Colours keep their distances.
    alpha = colours.change(images(64, 2, 2, 4), chance(p, 64))[..., 3]
    np.testing.assert_array_equal(alpha, images(64, 2, 2, 4)[..., 3])


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_the_geometry_of_ada(probability: float) -> None:
    p = probability
    maps = affine.transforms(chance(p), (32, 64)).numpy()
    linear, shift = maps[:, :2, :2], maps[:, :2, 2]
    determinants = np.linalg.det(linear)
    assert share(determinants < 0) == pytest.approx(p / 2, abs=0.015)
    area = np.log2(np.abs(determinants)) / 2
    assert share(np.abs(area) > 1e-4) == pytest.approx(p, abs=0.015)
    assert share(area**2) == pytest.approx(p * 0.04, rel=0.06)
    long, short = np.linalg.svd(linear, compute_uv=False).T
    stretch = np.log2(long / short) / 2
    assert share(stretch > 1e-4) == pytest.approx(p, abs=0.015)
    assert share(stretch**2) == pytest.approx(p * 0.04, rel=0.06)
    # Two free turns have together the probability p; the quarter turns alone leave axes axes.
    turned = np.abs(linear).min(axis=(1, 2)) > 1e-4
    assert share(turned) == pytest.approx(p, abs=0.015)
    still = ~turned & (np.abs(area) < 1e-5) & (stretch < 1e-5)
    if p < 1:
        quarter = np.abs(linear[still][:, 0, 1]) > 0.5
        assert share(quarter) == pytest.approx(p / 2, abs=0.03)  # By 1 or 3 of 0 to 3.
    moved = (np.abs(shift) > 1e-6).any(1)
    whole = 1 - (1 - p) * (1 - p * (1 - 1 / 9 / 17))  # Both shifts; the whole one can be 0.
    assert share(moved) == pytest.approx(whole, abs=0.02)
    if p == 0:
        np.testing.assert_array_equal(maps, np.broadcast_to(np.eye(3), maps.shape))


def test_the_shifts_of_ada() -> None:
    """Those of an eighth of a side, in whole pixels, and those that are normal."""
    number = affine.transforms(chance(0.15), (32, 64)).numpy()
    plain = number[(number[:, :2, :2] == np.eye(2)).all(axis=(1, 2))]
    x, y = plain[:, 0, 2], plain[:, 1, 2]
    whole = (x == np.round(x)) & (y == np.round(y))
    assert np.abs(x[whole]).max() == 8
    assert np.abs(y[whole]).max() == 4
    assert share(~whole) == pytest.approx(0.15, abs=0.02)
    fraction = ~whole & (np.abs(x) < 40)
    assert np.std(x[fraction]) == pytest.approx(8.0, rel=0.15)
    assert np.std(y[fraction]) == pytest.approx(4.0, rel=0.15)


def test_exact_changes_of_ada_are_permutations_of_pixels() -> None:
    """Of a flip, of quarter turns, of a shift that mirrors the edge."""
    image = images(1, 8, 8, 3)
    array = image.numpy()[0]
    flip, quarter = np.eye(3), np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    flip[0, 0] = -1
    shift = np.eye(3)
    shift[:2, 2] = [2, -1]
    padded = np.pad(array, [[1, 0], [0, 2], [0, 0]], "symmetric")
    for matrix, expected in (
        (flip, array[:, ::-1]),
        (quarter, np.rot90(array)),
        (quarter @ quarter, array[::-1, ::-1]),
        (shift, padded[:8, 2:]),
    ):
        found = affine.resample(image, tf.constant(matrix[None], tf.float32)).numpy()[0]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_changed_with_probability_0(shape: tuple[int, int, int]) -> None:
    """Not a bit."""
    given = images(16, *shape)
    np.testing.assert_array_equal(ada(given, SEED, tf.constant(0.0)), given)
    assert not np.array_equal(ada(given, SEED, tf.constant(0.5)), given)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_the_slopes(shape: tuple[int, int, int]) -> None:
    """Both orders, by finite differences along a direction: R1 needs the second."""
    given, along = images(4, *shape), images(4, *shape)[::-1]
    changes: list[Callable[[tf.Tensor], tf.Tensor]] = [
        lambda x: diffaugment(x, SEED),
        lambda x: ada(x, SEED, tf.constant(0.8)),
    ]
    for change in changes:

        def loss(x: tf.Tensor, change: Any = change) -> tf.Tensor:
            return tf.reduce_sum(tf.sin(2.0 * change(x)))

        def slope(x: tf.Tensor, loss: Any = loss) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = loss(x)
            return tf.reduce_sum(tape.gradient(value, x) * along)

        with tf.GradientTape() as tape:
            tape.watch(given)
            first = slope(given)
        second = tf.reduce_sum(tape.gradient(first, given) * along)
        step = 1e-2
        for function, expected in ((loss, first), (slope, second)):
            ends = [float(function(given + sign * step * along)) for sign in (1, -1)]
            assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(expected), rel=0.02)


def test_a_change_is_a_function_of_seed_and_update() -> None:
    def seen(seed: int, number: int) -> Floats:
        change = augment_of("diffaugment", seed=seed, probability=None)
        assert change is not None
        return np.asarray(change(images(8, 8, 8, 3), number))

    np.testing.assert_array_equal(seen(1, 2), seen(1, 2))
    assert not np.array_equal(seen(1, 2), seen(1, 3))
    assert not np.array_equal(seen(1, 2), seen(2, 2))
    assert augment_of("none", seed=0, probability=None) is None


def test_a_probability_by_a_schedule() -> None:
    """At 0 nothing changes; it rises with the steps, whatever D thinks."""
    step = tf.Variable(0, dtype=tf.int64)
    probability = Scheduled(by_images("0:1@4", 1), step)
    change, given = augment_of("ada", seed=0, probability=probability), images(8, 8, 8, 3)
    assert change is not None
    np.testing.assert_array_equal(change(given, 0), given)
    step.assign(4)
    assert float(probability.value) == pytest.approx(1.0)
    assert not np.array_equal(change(given, 0), given)


def test_half_of_the_reals_are_mirrored() -> None:
    given = images(2, 500, 4, 8, 3)
    found = mirrored(given, tf.constant(7, tf.int64), seed=0).numpy()
    as_it_is = (found == given.numpy()).all(axis=(2, 3, 4))
    other_way = (found == given.numpy()[..., ::-1, :]).all(axis=(2, 3, 4))
    assert (as_it_is ^ other_way).all()
    assert share(other_way) == pytest.approx(0.5, abs=0.05)
    next_step = mirrored(given, tf.constant(8, tf.int64), seed=0).numpy()
    assert not np.array_equal(found, next_step)


def adapting(game: Game) -> Game:
    """The same game through ADA."""
    probability = Probability()
    state = dataclasses.replace(game.state, probability=probability)
    augment = augment_of("ada", seed=0, probability=probability)
    return dataclasses.replace(game, state=state, augment=augment)


@pytest.mark.parametrize("update", list(UPDATES))
def test_a_game_through_ada_is_the_plain_one_while_it_changes_nothing(update: str) -> None:
    """The same bits, R1 included, with k = 2."""
    plain, augmented = (new("dcgan", update=update) for _ in range(2))
    augmented = adapting(augmented)
    for game in (plain, augmented):
        penalty = penalty_of(
            gradient_penalty_weight=0.0, r1_gamma=1.0, r1_every=2, seed=0, step=game.state.step
        )
        game = dataclasses.replace(game, penalty=penalty)
        seen = step(game, reals(2))
    assert_same_players(plain, augmented)
    assert set(seen) == set(metrics_of(augmented.state)) > set(metrics_of(plain.state))
    assert float(seen["augment_p"]) == 0.0
    assert augmented.state.probability is not None
    augmented.state.probability.value.assign(0.5)
    step(augmented, reals(2))
    step(plain, reals(2))
    one, other = (snapshot(game.state) for game in (plain, augmented))
    assert not np.array_equal(one["generator/000"], other["generator/000"]), "G sees it too"
    assert not np.array_equal(one["discriminator/000"], other["discriminator/000"])


def test_both_players_learn_through_the_augmentation() -> None:
    """In one pass as in two; reals, fakes and penalty go the same way, each update another."""
    change = augment_of("diffaugment", seed=0, probability=None)
    assert change is not None
    asked: list[int] = []

    def noting(images: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
        asked.append(int(number))
        return change(images, number)

    def r1(judge: Any, reals: Batch, fakes: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return penalties.r1(judge, reals.images)

    rules: dict[str, Any] = {"augment": noting, "penalty": r1}
    whole, first, other = (new("dcgan", update="simultaneous", **rules) for _ in range(3))
    step(whole, reals())
    assert asked == [0, 0, 0], "reals, fakes, reals for R1"
    batch = Batch(*(each[0] for each in reals()))
    draw = first.draw(tf.constant(0, tf.int64))
    update_discriminator(first, batch, draw)
    update_generator(other, batch, draw)
    for expected, player in ((first, "discriminator"), (other, "generator")):
        for a, b in zip(weights(whole.state, player), weights(expected.state, player), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
    asked.clear()
    step(dataclasses.replace(whole, update="discriminator_first"), reals(2))
    assert asked == [3, 3, 3, 4, 4, 4, 5], "D twice, then G"


@pytest.mark.parametrize("name", ["diffaugment", "ada"])
def test_networks_in_bfloat16_learn_through_float32(name: str) -> None:
    """In a compiled step; the changes have the bits that they have in float32."""
    probability = Probability() if name == "ada" else None
    change = augment_of(name, seed=0, probability=probability)
    assert change is not None
    if probability:
        probability.value.assign(0.5)
    game = new("mlp", precision="bfloat16", augment=change)
    seen = tf.function(lambda batch: step(game, batch), autograph=False)(reals())
    assert all(np.isfinite(value) for value in seen.values())
    assert float(seen["generator_gradient"]) > 0.0
    coarse = tf.cast(images(4, 8, 8, 1), tf.bfloat16)
    np.testing.assert_array_equal(change(coarse, 1), change(tf.cast(coarse, tf.float32), 1))


def test_r1_is_of_the_image_through_its_change() -> None:
    """D(x) = sum(x) of an image that is made three times as bright: |dD/dx|^2 = 9 a pixel."""
    game = new(augment=lambda images, number: 3.0 * images)
    flat = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    total = keras.Model(flat.inputs, keras.ops.sum(flat.outputs[0], axis=1, keepdims=True))
    player = dataclasses.replace(game.state.discriminator, network=total)
    game = dataclasses.replace(game, state=dataclasses.replace(game.state, discriminator=player))
    found = penalties.r1(game.judge(game.draw(tf.constant(0, tf.int64))), images(5, 28, 28, 1))
    assert float(found) == pytest.approx(9 * 28 * 28 / 2, rel=1e-5)


def test_the_probability_follows_the_sign_of_d() -> None:
    """At each fourth step, by 1 in 500,000 images, between 0 and 0.8."""
    probability = Probability()

    def steps(first: int, logits: list[float], number: int = 4) -> float:
        for done in range(first, first + number):
            seen = probability.note(tf.constant(logits)[:, None])
            assert float(seen["sign_real"]) == pytest.approx(np.sign(logits).mean())
            probability.move(tf.constant(done, tf.int64))
        return float(probability.value)

    sure, unsure = [3.0, 0.1, 2.0, 1.0, 5.0], [1.0, 0.1, -0.5, 2.0, 3.0]  # Signs: 1 and 0.6.
    assert steps(0, sure, 3) == 0.0
    assert steps(3, sure, 1) == pytest.approx(20 / 500_000)
    assert steps(4, sure) == pytest.approx(40 / 500_000)
    assert steps(8, unsure[:4]) == pytest.approx(24 / 500_000), "a sign of 0.5, of 16 images"
    assert steps(12, [-1.0] * 40) == 0.0
    probability.value.assign(0.8 - 1e-6)
    assert steps(16, sure) == pytest.approx(adaptive.MOST)
    assert [float(each) for each in probability.variables[1:]] == [0.0, 0.0]


def pictures() -> Floats:
    """Two images that no flip, turn or shift makes equal to themselves or each other."""
    two = np.full((2, 8, 8, 3), -0.4, np.float32)
    two[0, 1:4, 1:6], two[0, 5:7, 2:4] = [0.8, 0.0, -0.2], [0.1, 0.6, 0.0]
    two[1, 3:7, 4:7], two[1, 1, 1:4] = [-0.2, 0.1, 0.7], 0.8
    return two


def energy_distance(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| of two samples: 0 only for equal distributions
    (Szekely & Rizzo, 2013). It stands for a D that learns at once."""

    def between(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        squares = [tf.reduce_sum(each * each, 1) for each in (x, y)]
        found = squares[0][:, None] + squares[1] - 2.0 * tf.matmul(x, y, transpose_b=True)
        return tf.reduce_sum(tf.sqrt(tf.maximum(found, 0.0) + 1e-4))

    x, y = (tf.reshape(each, [each.shape[0], -1]) for each in (one, other))
    number = x.shape[0]
    within = (between(x, x) + between(y, y)) / (number * (number - 1))
    return 2.0 * between(x, y) / number**2 - within


def learned(change: Augment, *, fakes: bool, steps: int = 600, batch: int = 64) -> float:
    """Trains two images to be, as D sees them, distributed as `pictures`; returns how far from
    them they end. Fakes that D sees as they are learn the augmentation."""
    targets = tf.repeat(pictures(), batch // 2, axis=0)
    start = np.random.default_rng(0).normal(0.0, 0.1, targets.shape[1:])
    found = tf.Variable(np.stack([start, -start]), dtype=tf.float32)
    mean, square = (tf.Variable(tf.zeros_like(found)) for _ in range(2))

    def learn(number: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            drawn = tf.repeat(found, batch // 2, axis=0)
            seen = change(drawn, 2 * number + 1) if fakes else drawn
            distance = energy_distance(change(targets, 2 * number), seen)
        slope = tape.gradient(distance, found)
        mean.assign(0.9 * mean + 0.1 * slope)
        square.assign(0.99 * square + 0.01 * slope**2)
        rate = 0.05 * tf.maximum(1.0 - tf.cast(number, tf.float32) / steps, 0.02)
        found.assign_sub(rate * mean / (tf.sqrt(square) + 1e-6))
        return [number + 1]

    tf.function(
        lambda: tf.while_loop(
            lambda number: number < steps,
            learn,
            [tf.constant(0, tf.int64)],
            parallel_iterations=1,
        ),
        autograph=False,
    )()
    return min(share(np.abs(found.numpy() - pictures()[order])) for order in ([0, 1], [1, 0]))


@pytest.mark.parametrize("name", ["diffaugment", "ada"])
def test_what_d_sees_does_not_leak_into_the_samples(name: str) -> None:
    """Unless D sees only the reals through it."""
    probability = Probability() if name == "ada" else None
    if probability:
        probability.value.assign(0.3)
    change = augment_of(name, seed=0, probability=probability)
    assert change is not None
    assert learned(change, fakes=True) < 0.05
    assert learned(change, fakes=False, steps=200) > 0.1


def test_a_run_through_ada_goes_on_with_the_same_bits(command: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        f"{split}_images": rng.integers(200, 256, (40, 28, 28, 1), np.uint8) for split in SPLITS
    }
    arrays |= {f"{split}_labels": np.zeros(40, np.int64) for split in SPLITS}
    dataset_of(tmp_path / "data", "few", **arrays)
    flags = ["--dataset=few", "--data_dir=data", "--arch=mlp", "--augment=ada", "--mirror=true"]
    flags += ["--log_every=3", "--export=none", "--batch_size=16", "--r1_gamma=0"]
    for run_dir, steps in (("whole", 14), ("parts", 6), ("parts", 14)):
        finished = command("train", *flags, f"--run_dir={run_dir}", f"--steps={steps}")
        assert finished.returncode == 0, finished.stderr
    assert_same_bits(tmp_path / "whole", tmp_path / "parts", 14)
    between, (_, line, *_) = checkpoint(tmp_path / "parts", 6), metrics(tmp_path / "parts")
    assert between["augment/000"] == np.float32(64 / 500_000), "one move up"
    assert between["augment/002"] == 32, "reals since the last look"
    assert line["augment_p"] == pytest.approx(2 / 3 * 64 / 500_000), "of the steps 4, 5 and 6"
    assert -1.0 <= line["sign_real"] <= 1.0
    other = command("train", *flags, "--run_dir=parts", "--steps=20", "--augment=none")
    assert "--augment was ada and is now none" in one_line(other)


def test_ada_is_refused_where_d_has_no_sign() -> None:
    with pytest.raises(InputError, match=r"^--augment=ada: .*--loss=wasserstein"):
        Config(loss="wasserstein", augment="ada")


@pytest.mark.parametrize(
    ("images", "loss", "expected"),
    [
        (60_000, "non_saturating", "none"),
        (50_000, "hinge", "none"),
        (49_999, "hinge", "ada"),
        (10_000, "non_saturating", "ada"),
        (20_000, "wasserstein", "diffaugment"),
        (9_999, "non_saturating", "diffaugment"),
        (2, "least_squares", "diffaugment"),
    ],
)
def test_the_number_of_images_decides(images: int, loss: str, expected: str) -> None:
    config = Config(loss=loss)
    assert config.follow((32, 32, 3), images).augment == expected
    found = config.followed((32, 32, 3), images)["augment"]
    assert found.usual == (expected == "none")
    assert f"{images:,} images" in found.reason
    assert len(f"--augment={found.value}: {found.reason}") <= 80
    assert Config(loss=loss, augment="none").follow((32, 32, 3), images).augment == "none"
    assert config.follow(None, None).augment == "auto"


def test_an_older_run_goes_on_without() -> None:
    content = {name: value for name, value in Config().to_json().items() if name != "augment"}
    assert Config.from_json(content, "test").augment == "none"
