"""Residual networks: sizes counted by hand, and what the paper says of their start."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import groups
import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.models import networks
from gan_tf.models.calling import apply
from gan_tf.models.layers import residual
from gan_tf.serving import formats

LATENT_DIM = 12


def block(maps: int, groups: int) -> int:
    """The weights of a block, which is twice as wide inside."""
    wide = 2 * maps
    return maps * wide + wide + 9 * (wide // groups) * wide + wide + wide * maps


@pytest.mark.parametrize(
    ("shape", "width", "base", "maps", "groups"),
    [
        ((28, 28, 1), None, (7, 7), (16, 32, 64), (1, 2, 4)),
        ((64, 64, 4), None, (8, 8), (16, 32, 64, 64), (1, 2, 4, 4)),
        ((128, 96, 3), 8, (8, 6), (8, 16, 32, 32, 32), (1, 1, 2, 2, 2)),
        ((20, 20, 3), 24, (5, 5), (24, 48, 96), (1, 3, 6)),
    ],
)
def test_parameters(
    shape: tuple[int, int, int],
    width: int | None,
    base: tuple[int, int],
    maps: tuple[int, ...],
    groups: tuple[int, ...],
) -> None:
    architecture = networks("resnet", width)
    generator = architecture.generator(LATENT_DIM, shape)
    discriminator = architecture.discriminator(shape)
    blocks = sum(2 * block(*each) for each in zip(maps, groups, strict=True))
    pairs = sum(a * b for a, b in itertools.pairwise(maps) if a != b)
    shared = blocks + pairs + maps[0] * shape[2] + math.prod(base) * maps[-1]
    assert generator.count_params() == shared + LATENT_DIM * maps[-1]
    assert discriminator.count_params() == shared + maps[-1]
    assert generator.output_shape == (None, *shape)
    assert discriminator.output_shape == (None, 1)


def test_its_start_is_that_of_the_paper() -> None:
    """Blocks begin as the identity; what they would add has 1/blocks of the variance, but for the
    zeros around the images; 1x1 convolutions and both ends keep the variance."""
    keras.utils.set_random_seed(0)
    generator = networks("resnet", 64).generator(64, (28, 28, 1))
    outputs = keras.Model(generator.inputs, [layer.output for layer in generator.layers])
    found = dict(zip(generator.layers, outputs(tf.random.normal([64, 64])), strict=True))

    def size(layer: keras.layers.Layer) -> float:
        return float(tf.reduce_mean(tf.square(found[layer])))

    (basis,) = (each for each in generator.layers if isinstance(each, residual.Basis))
    assert size(basis) == pytest.approx(1.0, rel=0.1)
    added = [each for each in generator.layers if isinstance(each, keras.layers.Add)]
    assert len(added) == 6
    for layer in added:
        before, last = (tensor._keras_history.operation for tensor in layer.input)
        np.testing.assert_array_equal(found[layer], found[before])
        (inside,) = (
            tensor._keras_history.operation for tensor in last._inbound_nodes[0].input_tensors
        )
        places = found[layer].shape[1]
        within = ((3 * places - 2) / (3 * places)) ** 2  # Of 9 taps, so many are in the image.
        assert size(inside) / size(before) == pytest.approx(within / 6, rel=0.2)
    pointwise = generator.layers[-2]
    assert size(pointwise) == pytest.approx(size(added[-1]), rel=0.5)  # One map.


@pytest.mark.parametrize("maps", [(6, 6), (6, 3)])
def test_images_of_another_size_are_filtered_as_by_hand(maps: tuple[int, int]) -> None:
    images = np.random.default_rng(0).normal(size=(2, 8, 6, maps[0])).astype(np.float32)
    halved, doubled = residual.Halved(maps[1]), residual.Doubled(maps[1])
    smaller, larger = (layer(images, training=True).numpy() for layer in (halved, doubled))
    assert (halved.kernel is None) == (maps[0] == maps[1])

    def mixed(images: np.ndarray, layer: residual.Halved | residual.Doubled) -> np.ndarray:
        kernel = np.eye(maps[0]) if layer.kernel is None else layer.kernel.numpy()[0, 0]
        return images @ kernel

    def smoothed(images: np.ndarray) -> np.ndarray:
        """[1, 2, 1] along both sides, with zeros around."""
        for axis in (1, 2):
            rows = np.moveaxis(images, axis, 0)
            padded = np.pad(rows, [(1, 1), (0, 0), (0, 0), (0, 0)])
            rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
            images = np.moveaxis(rows, 0, axis)
        return images

    inner = (slice(None), slice(1, -1), slice(1, -1))  # Zeros come in before or after smoothing.
    averages = smoothed(images).reshape(2, 4, 2, 3, 2, maps[0]).mean(axis=(2, 4))
    np.testing.assert_allclose(smaller[inner], mixed(averages, halved)[inner], atol=1e-5)
    copies = images.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(larger, mixed(smoothed(copies), doubled), atol=1e-5)


def test_d_is_sensitive_to_all_of_an_image_and_its_weights_learn_by_its_slope() -> None:
    """Gradients of gradients, as R1 takes them, through groups, filters and both ends."""
    keras.utils.set_random_seed(0)
    discriminator = networks("resnet").discriminator((16, 12, 3))
    for weight in discriminator.trainable_weights:  # Not zero, as if learned.
        weight.assign_add(0.01 * tf.random.normal(weight.shape))
    images = tf.random.normal([3, 16, 12, 3])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = discriminator(images, training=True)
        slopes = tape.gradient(logits, images)
        penalty = tf.reduce_sum(slopes**2)
    assert np.abs(slopes).min(axis=-1).all()
    gradients = outer.gradient(penalty, discriminator.trainable_weights)
    for weight, gradient in zip(discriminator.trainable_weights, gradients, strict=True):
        # A bias moves no slope: LeakyReLU's two are constant.
        assert weight.name == "bias" or np.abs(gradient).max() > 0, weight.path


def test_labels_reach_both_networks() -> None:
    keras.utils.set_random_seed(0)
    pair = networks("resnet", conditional="projection", classes=5)
    generator, discriminator = (
        pair.generator(LATENT_DIM, (28, 28, 1)),
        pair.discriminator((28, 28, 1)),
    )
    latents = tf.repeat(tf.random.normal([1, LATENT_DIM]), 5, axis=0)
    labels = tf.range(5, dtype=tf.int64)
    images = apply(generator, latents, labels, training=True)
    assert len({image.tobytes() for image in images.numpy()}) == 5
    same = tf.repeat(images[:1], 5, axis=0)
    assert len(set(apply(discriminator, same, labels, training=True).numpy().ravel())) == 5
    plain = networks("resnet").generator(LATENT_DIM, (28, 28, 1))
    assert generator.count_params() - plain.count_params() == 5 * LATENT_DIM + LATENT_DIM * 64


def test_other_runtimes_draw_the_same_images(tmp_path: Path) -> None:
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    keras.utils.set_random_seed(0)
    generator = networks("resnet").generator(LATENT_DIM, (12, 8, 4))
    for weight in generator.weights:  # Blocks that begin as the identity would hide themselves.
        weight.assign_add(0.1 * tf.random.normal(weight.shape))
    draw = tf.function(
        lambda latents: {"images": generator(latents, training=False)},
        input_signature=[tf.TensorSpec([None, LATENT_DIM], name="latents")],
    )
    module = tf.Module()
    module.weights = [weight.value for weight in generator.weights]
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"serving_default": draw})
    latents = np.random.default_rng(0).normal(size=(3, LATENT_DIM)).astype(np.float32)
    expected = generator(latents, training=False).numpy()
    assert expected.std() > 0.1
    for name in ("onnx", "litert"):
        file, convert = formats.CONVERTERS[name]
        convert(tmp_path / "saved", tmp_path / file)
        if name == "onnx":
            session = onnxruntime.InferenceSession(tmp_path / file)
            (images,) = session.run(["images"], {"latents": latents})
        else:
            runner = Interpreter(str(tmp_path / file)).get_signature_runner("serving_default")
            images = runner(latents=latents)["images"]
        np.testing.assert_allclose(images, expected, atol=1e-5, err_msg=name)


def test_the_forms_of_its_groups_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "SIZES", ((4, 64),))
    head, _, *rows, _, own, _ = groups.main(groups.Options(rounds=1, batch_size=2)).splitlines()
    assert head == "| images and maps | form | forward | and both gradients |"
    assert [row.split(" | ")[1] for row in rows] == list(groups.FORMS)
    # By oneDNN they have one, by TensorFlow's own kernels none.
    said = "TensorFlow's own groups: "
    assert own in (f"{said}no gradient (InvalidArgumentError)", f"{said}a gradient, too")
