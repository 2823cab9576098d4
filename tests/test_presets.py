"""Each preset holds what its source says: sizes counted by hand, rules, and real learning."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.config import Config, command_line
from gan_tf.data import pixels
from gan_tf.data.dataset import open_dataset
from gan_tf.data.feed import Batch
from gan_tf.game import schedules
from gan_tf.game.algorithm_1 import update_discriminator, update_generator
from gan_tf.game.latents import Draw
from gan_tf.game.one_pass import update_both
from gan_tf.game.rules import Game
from gan_tf.game.step import step as whole_step
from gan_tf.models import ARCHITECTURES, networks
from gan_tf.models.calling import apply
from gan_tf.training import build, exporting, run_directory

from .conftest import MNIST_SHAPE, Command, metrics, numbers

CLASSES = 10
FLAGS = Path(__file__).parents[1] / "flags"
PRESETS = sorted(path.stem for path in FLAGS.glob("*.flags"))


def preset(name: str, *more: str) -> Config:
    return command_line.parse(Config, [f"--flagfile={FLAGS / name}.flags", *more])


def dense(*sizes: int) -> int:
    return sum(a * b + b for a, b in itertools.pairwise(sizes))


def conv(kernel: int, inputs: int, outputs: int, bias: bool = True) -> int:
    return kernel * kernel * inputs * outputs + (outputs if bias else 0)


def norm(maps: int) -> int:
    return 4 * maps  # Scale and offset, moving mean and variance.


def residual(maps: int, groups: int) -> int:
    """Two blocks: 1x1 to twice the maps, 3x3 in groups, 1x1 back without a bias."""
    between = conv(3, 2 * maps // groups, 2 * maps)
    return 2 * (conv(1, maps, 2 * maps) + between + conv(1, 2 * maps, maps, False))


PARAMETERS = {
    "paper_2014": (
        dense(100, 1200, 1200, 784),
        dense(784, 1200) + dense(240, 1200) + dense(240, 1),
    ),
    "conditional_2014": (
        dense(100, 200) + dense(10, 1000) + dense(1200, 1200, 784),
        dense(784, 1200) + dense(10, 250) + dense(290, 960) + dense(240, 1),
    ),
    "noise_classifier": (dense(1, 256, 784), dense(784, 256, 1)),
    "step_by_step": (dense(100, 256, 512, 1024, 784), dense(784, 1024, 512, 256, 1)),
    "label_smoothing": (dense(100, 32, 64, 128, 784), dense(784, 128, 64, 32, 1)),
    "bells_and_whistles": (dense(128, 256, 512, 1024, 784), dense(784, 1024, 512, 256, 1)),
    "tensorflow_notebook": (
        conv(5, 25, 256) + norm(256) + conv(5, 256, 128) + norm(128) + conv(5, 128, 64) + norm(64)
        + conv(5, 64, 1),
        conv(5, 1, 8) + conv(5, 8, 16) + dense(7 * 7 * 16, 32, 1),
    ),
    "lightning_cnn": (
        dense(100, 7 * 7 * 64) + conv(4, 64, 32) + conv(4, 32, 16) + conv(7, 16, 1),
        conv(5, 1, 10) + conv(5, 10, 20) + dense(320, 50, 1),
    ),
    "tensorflow_tutorial": (
        100 * 7 * 7 * 256 + norm(7 * 7 * 256) + conv(5, 256, 128, False) + norm(128)
        + conv(5, 128, 64, False) + norm(64) + conv(5, 64, 1, False),
        conv(5, 1, 64) + conv(5, 64, 128) + dense(7 * 7 * 128, 1),
    ),
    "dcgan": (
        64 * 7 * 7 * 128
        + 2 * norm(128)
        + conv(3, 128, 128, False)
        + conv(4, 128, 64, False)
        + norm(64)
        + conv(4, 64, 1),
        conv(4, 1, 32) + conv(4, 32, 64) + dense(7 * 7 * 64, 256, 1),
    ),
    "mlp": (dense(64, 256, 512, 1024, 784), dense(784, 1024, 512, 256, 1)),
    "r3gan": (
        64 * 64 + 7 * 7 * 64 + residual(64, 4) + 64 * 32 + residual(32, 2) + 32 * 16
        + residual(16, 1) + 16,
        16 + residual(16, 1) + 16 * 32 + residual(32, 2) + 32 * 64 + residual(64, 4)
        + 7 * 7 * 64 + 64,
    ),
}  # fmt: skip

# update, latents of G's step, reduction, latents, dim, optimiser, rate of G, beta 1, batch,
# smoothing, validation images.
RULES = {
    "paper_2014": "simultaneous fresh mean unit_uniform 100 sgd 0.1 0.0 100 0.0 10000",
    "conditional_2014": "simultaneous fresh mean unit_cube 100 sgd 0.1 0.0 100 0.0 10000",
    "noise_classifier": "discriminator_first fresh mean normal 1 adam 0.001 0.9 32 0.0 0",
    "step_by_step": "discriminator_first fresh mean normal 100 adam 0.0001 0.9 32 0.0 0",
    "label_smoothing": "discriminator_first fresh sum uniform 100 adam 0.002 0.9 64 0.1 0",
    "bells_and_whistles": "discriminator_first same sum normal 128 adam 0.0002 0.5 100 0.0 0",
    "tensorflow_notebook": (
        "discriminator_first same sum shifted_normal 100 adam 0.001 0.9 16 0.0 5000"
    ),
    "lightning_cnn": "generator_first fresh mean normal 100 adam 0.0002 0.9 128 0.0 5000",
    "tensorflow_tutorial": "simultaneous fresh sum normal 100 adam 0.0001 0.9 256 0.0 0",
}

# Length in the author's own unit, as steps on MNIST.
STEPS = {
    "noise_classifier": 5_625,
    "step_by_step": 93_750,
    "label_smoothing": 93_750,
    "bells_and_whistles": 30_000,
    "tensorflow_notebook": 3_000,
    "lightning_cnn": 8_594,
    "tensorflow_tutorial": 11_719,
}


def test_every_preset_is_checked() -> None:
    assert sorted(PARAMETERS) == PRESETS
    trained = {arch(name) for name in PRESETS}
    assert set(ARCHITECTURES) - trained == {"unrolled_quarter", "unrolled_half"}
    assert sorted({*RULES, "dcgan", "mlp", "r3gan"}) == PRESETS


def arch(name: str) -> str:
    """The networks of a preset, by the names of both."""
    return "resnet" if name == "r3gan" else name


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_are_those_of_the_source(name: str) -> None:
    config = preset(name)
    assert config.arch == arch(name)
    architecture = networks(config.arch, config.width, config.conditional, CLASSES)
    generator = architecture.generator(config.latent_dim, MNIST_SHAPE)
    discriminator = architecture.discriminator(MNIST_SHAPE)
    counts = tuple(
        sum(int(np.prod(weight.shape)) for weight in network.weights)
        for network in (generator, discriminator)
    )
    assert counts == PARAMETERS[name]


@pytest.mark.parametrize("name", list(RULES))
def test_rules_are_those_of_the_source(name: str) -> None:
    c = preset(name)
    found = (
        c.update, c.generator_latents, c.discriminator_reduction, c.latents, c.latent_dim,
        c.optimizer, c.generator_lr, c.beta_1, c.batch_size, c.label_smoothing,
        c.validation_images,
    )  # fmt: skip
    assert " ".join(map(str, found)) == RULES[name]
    assert (c.loss, c.ema_decay, c.discriminator_steps) == ("non_saturating", 0.0, 1)
    assert (c.r1_gamma, c.gradient_penalty) == (0.0, 0.0)
    assert c.optimizer == "sgd" or c.beta_2 == 0.999
    if name in STEPS:
        assert c.total_steps(60_000 - c.validation_images) == STEPS[name]


def test_the_rules_of_r3gan_are_those_of_its_code() -> None:
    c = preset("r3gan")
    found = (c.update, c.generator_latents, c.loss, c.latents, c.latent_dim, c.optimizer, c.beta_1)
    assert found == (
        "discriminator_first", "fresh", "relativistic", "normal", 64, "adam", 0.0
    )  # fmt: skip
    rules = {
        "generator_lr": (2e-4, 5e-5),
        "discriminator_lr": (2e-4, 5e-5),
        "beta_2": (0.9, 0.99),
        "r1_gamma": (0.05, 0.005),
        "r2_gamma": (0.05, 0.005),
        "ema_half_life": (0.0, 5e6 / 40),
    }
    for name, ends in rules.items():
        schedule = schedules.read(str(getattr(c, name)))
        assert schedule == (*ends, 20e6 / 40), name
    assert (c.adam_epsilon, c.r1_every, c.augment) == (1e-8, 1, "none")


def test_what_only_one_source_says() -> None:
    paper = preset("paper_2014")
    assert (paper.lr_decay, paper.lr_min, paper.discriminator_lr) == (1.00001, 1e-6, 0.1)
    assert (paper.total_steps(50_000), paper.best_by) == (275_000, "log_likelihood")
    assert (paper.momentum, paper.final_momentum, paper.momentum_updates) == (0.5, 0.7, 250 * 500)
    labelled = preset("conditional_2014")
    assert (labelled.conditional, labelled.best_by) == ("concat", "log_likelihood")
    assert (labelled.lr_decay, labelled.lr_min, labelled.discriminator_lr) == (1.00004, 1e-6, 0.1)
    assert (labelled.momentum, labelled.final_momentum) == (0.5, 0.7)
    noise = preset("noise_classifier")
    assert (noise.generator_steps, noise.latent_pool) == (0, 60_000)
    assert preset("bells_and_whistles").seed == 999
    torch = {"noise_classifier", "step_by_step", "label_smoothing", "bells_and_whistles"}
    for name in torch | {"lightning_cnn"}:
        assert preset(name).adam_epsilon == 1e-8
    assert preset("tensorflow_tutorial").adam_epsilon == 1e-7


def kernel(network: keras.Model, kind: Any, index: int) -> tuple[np.ndarray, np.ndarray]:
    layer = [each for each in network.layers if isinstance(each, kind)][index]
    return layer.kernel.numpy(), layer.bias.numpy()


@pytest.mark.parametrize(
    ("name", "player", "kind", "index", "fan_in"),
    [
        ("noise_classifier", "generator", keras.layers.Dense, 0, 1),
        ("step_by_step", "discriminator", keras.layers.Dense, 0, 784),
        ("label_smoothing", "generator", keras.layers.Dense, -1, 128),
        ("bells_and_whistles", "discriminator", keras.layers.Dense, -1, 256),
        ("lightning_cnn", "discriminator", keras.layers.Conv2D, 1, 5 * 5 * 10),
        ("lightning_cnn", "generator", keras.layers.Conv2DTranspose, 1, 4 * 4 * 16),
        ("lightning_cnn", "generator", keras.layers.Dense, 0, 100),
    ],
)
def test_torch_starts_weights_and_biases_alike(
    name: str, player: str, kind: Any, index: int, fan_in: int
) -> None:
    config = preset(name)
    arguments = (config.latent_dim,) if player == "generator" else ()
    network = getattr(ARCHITECTURES[name], player)(*arguments, MNIST_SHAPE)
    bound = fan_in**-0.5
    for values in kernel(network, kind, index):
        assert np.abs(values).max() <= bound
        if values.size > 50:
            assert np.abs(values).max() > 0.9 * bound
            assert values.std() == pytest.approx(bound / 3**0.5, rel=0.2)


@pytest.mark.parametrize(("name", "layers"), [("paper_2014", 6), ("conditional_2014", 8)])
def test_both_papers_of_2014_start_at_the_mean_image_with_uniform_weights(
    data_dir: Path, name: str, layers: int
) -> None:
    reals = open_dataset("mnist", data_dir).split("train").part(stop=10_000)
    game = build.game(preset(name, "--precision=float32"), reals, CLASSES)
    generator = game.state.generator.network
    for network, bound in ((generator, 0.05), (game.state.discriminator.network, 0.005)):
        dense = [each for each in network.layers if isinstance(each, keras.layers.Dense)]
        layers -= len(dense)
        for layer in dense:
            assert 0.95 * bound < np.abs(layer.kernel.numpy()).max() <= bound
            assert layer.name == "pixels" or not layer.bias.numpy().any()
    assert layers == 0
    generator.get_layer("pixels").kernel.assign(tf.zeros([1200, 784]))
    image = apply(generator, tf.zeros([1, 100]), tf.zeros([1], tf.int64), training=False)
    means = (reals.images / 255.0).mean(axis=0)
    np.testing.assert_allclose((image.numpy()[0] + 1) / 2, means, atol=1e-3)


def test_the_notebook_starts_from_truncated_normals() -> None:
    architecture = ARCHITECTURES["tensorflow_notebook"]
    values, bias = kernel(architecture.generator(100, MNIST_SHAPE), keras.layers.Conv2DTranspose, 0)
    assert np.abs(values).max() <= 0.2001
    assert values.std() == pytest.approx(0.088, rel=0.02)  # 0.1, cut at two deviations.
    np.testing.assert_array_equal(bias, np.float32(0.1))
    values, bias = kernel(architecture.discriminator(MNIST_SHAPE), keras.layers.Dense, 0)
    assert np.abs(values).max() <= 0.04001
    assert not bias.any()


def by_hand(name: str, game: Game, reals: Batch, step: int) -> None:
    """One step of each source, spelled out: what is updated when, and on which latents."""

    def z(number: int) -> Draw:
        return game.draw(tf.constant(number, tf.int64))

    if name in ("paper_2014", "conditional_2014", "tensorflow_tutorial"):
        update_both(game, reals, z(step))
    elif name == "lightning_cnn":
        update_generator(game, reals, z(2 * step))
        update_discriminator(game, reals, z(2 * step + 1))
    elif name == "noise_classifier":
        update_discriminator(game, reals, z(step))
    else:
        update_discriminator(game, reals, z(2 * step))
        same = name in ("bells_and_whistles", "tensorflow_notebook")
        update_generator(game, reals, z(2 * step if same else 2 * step + 1))


@pytest.mark.parametrize("name", list(RULES))
def test_the_first_steps_on_mnist_are_in_the_order_of_the_source(name: str, data_dir: Path) -> None:
    config = preset(name)
    mnist = open_dataset("mnist", data_dir).split("train")
    whole, parts = (build.game(config, mnist, CLASSES) for _ in range(2))
    before = whole.state.generator.network.get_weights()
    for step in range(2):
        first = step * config.batch_size
        some = mnist.part(first, first + config.batch_size)
        reals = Batch(pixels.scale(some.images), tf.constant(some.labels))
        whole_step(whole, Batch(reals.images[None], reals.labels[None]))
        by_hand(name, parts, reals, step)
    for player in ("generator", "discriminator"):
        mine, theirs = (getattr(game.state, player).network for game in (whole, parts))
        for a, b in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    moved = any(
        not np.array_equal(a, b)
        for a, b in zip(before, whole.state.generator.network.get_weights(), strict=True)
    )
    assert moved is (name != "noise_classifier")


# The short runs: steps, and what the distance of the samples' pixel statistics from the
# data's must fall to, as a share of its value at step 0. Where an author's batch is costly,
# a smaller one, and an average where that makes the samples jump: the time of this suite is for
# many tests. Five stand for all at every change; a release waits for the others, too. Nothing is
# evaluated, so no preset may choose by likelihood.
SHORT_RUNS: dict[str, Any] = {
    "paper_2014": (1_500, 0.8, "--batch_size=20", "--best_by=frechet_distance"),
    "label_smoothing": (600, 0.7),
    "bells_and_whistles": (450, 0.7),
    "dcgan": (200, 0.7, "--batch_size=16"),
    "mlp": (400, 0.7),
}
AT_RELEASE: dict[str, Any] = {
    "conditional_2014": (1_000, 0.8, "--best_by=frechet_distance"),
    "step_by_step": (600, 0.7),
    "tensorflow_notebook": (600, 0.85),
    "lightning_cnn": (1_600, 0.85, "--batch_size=64", "--ema_decay=0.99"),
    "tensorflow_tutorial": (200, 0.75, "--batch_size=64"),
}


def pixel_distance(images: np.ndarray, reals: np.ndarray, means: bool) -> float:
    """Distance of two sets of uint8 images in their pixels' deviations and, if asked, means."""
    statistics = [
        np.concatenate([each.std(axis=0).ravel(), means * each.mean(axis=0).ravel()])
        for each in (images.astype(np.float64), reals.astype(np.float64))
    ]
    return float(np.linalg.norm(statistics[0] - statistics[1]))


@pytest.mark.parametrize(
    "name",
    [*SHORT_RUNS, *(pytest.param(name, marks=pytest.mark.release) for name in AT_RELEASE)],
)
def test_a_short_run_improves(command: Command, tmp_path: Path, data_dir: Path, name: str) -> None:
    steps, share, *batch = (SHORT_RUNS | AT_RELEASE)[name]
    flags = (f"--preset={name}", "--run_dir=run", f"--steps={steps}", *batch)
    flags += (f"--sample_every={steps}", "--evaluate_every=0", "--export=none")
    finished = command("train", *flags, timeout=1_200)
    assert finished.returncode == 0, finished.stderr
    mnist = open_dataset("mnist", data_dir)
    reals = mnist.split("test").images[:2_000]
    run = run_directory.read(tmp_path / "run")
    checkpoint = exporting.find_checkpoint(tmp_path / "run", "last")
    trained = exporting.load_networks(run, checkpoint).generator
    game = build.game(run.config, mnist.split("train"), CLASSES)
    start = game.state.ema_generator
    draws = range(1_000 // run.config.batch_size + 1)
    z = tf.concat([game.draw(tf.constant(i, tf.int64)).latents for i in draws], 0)
    labels = tf.range(len(z), dtype=tf.int64) % CLASSES
    # This G has dropout, and learns from its masks first: images without them are all alike then.
    masked = name == "conditional_2014"
    before, after = (
        # The generators of 2014 start AT the mean image, and can only move away from it.
        pixel_distance(
            pixels.unscale(apply(network, z, labels, training=masked).numpy()),
            reals,
            not name.endswith("_2014"),
        )
        for network in (start, trained)
    )
    assert after < share * before, f"{after / before:.3f}"
    lines = metrics(tmp_path / "run")
    assert np.isfinite(numbers(lines)).all()


def test_the_noise_classifier_is_never_wrong(
    command: Command, tmp_path: Path, data_dir: Path
) -> None:
    flags = ("--preset=noise_classifier", "--run_dir=run", "--export=none")
    finished = command("train", *flags, "--evaluate_images=10000")
    assert (
        "D classifies 100.00 % correctly of 10,000 held-out images and as many fakes"
        in finished.stdout
    )
    result: dict[str, Any] = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (result["steps"], result["discriminator_accuracy"]) == (5_625, 1.0)
    assert "D alone learns; G is frozen" in (tmp_path / "run" / "report.html").read_text()
    run = run_directory.read(tmp_path / "run")
    checkpoint = exporting.find_checkpoint(tmp_path / "run", "last")
    trained = exporting.load_networks(run, checkpoint).generator
    mnist = open_dataset("mnist", data_dir).split("train")
    start = build.game(run.config, mnist).state.ema_generator
    for a, b in zip(start.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg="G is frozen")
