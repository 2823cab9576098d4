"""Networks: shapes, ranges, sizes counted by hand, and what the precision leaves float32."""

from __future__ import annotations

import itertools
import random
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from benchmarks import variants
from keras.src.random import seed_generator

from gan_tf.host.building import computing_in, drawing_from
from gan_tf.host.errors import InputError
from gan_tf.models import ARCHITECTURES, Architecture, networks
from gan_tf.models.layers import dropout, normalization

SHAPE = (28, 28, 1)
LATENT_DIM = 12
# tests/test_conditional.py has those that take labels.
WITHOUT_LABELS = [name for name, each in ARCHITECTURES.items() if not each.needs_labels]


@pytest.mark.parametrize("shape", [SHAPE, (32, 32, 3)])
@pytest.mark.parametrize("name", ["dcgan", "mlp", "resnet"])
def test_our_own_networks_follow_the_shape_of_the_data(
    name: str, shape: tuple[int, int, int]
) -> None:
    generator = ARCHITECTURES[name].generator(LATENT_DIM, shape)
    images = generator(np.ones((2, LATENT_DIM), np.float32), training=False)
    assert images.shape == (2, *shape)
    assert ARCHITECTURES[name].discriminator(shape)(images, training=False).shape == (2, 1)


@pytest.mark.parametrize("name", WITHOUT_LABELS)
def test_shapes_and_ranges(name: str) -> None:
    generator = ARCHITECTURES[name].generator(LATENT_DIM, SHAPE)
    latents = np.random.default_rng(0).normal(0, 100, (5, LATENT_DIM)).astype(np.float32)
    images = generator(latents, training=False).numpy()
    assert images.shape == (5, *SHAPE)
    assert name == "lightning_cnn" or np.abs(images).max() <= 1.0
    discriminator = ARCHITECTURES[name].discriminator(SHAPE)
    noise = np.random.default_rng(0).normal(0, 1e5, (200, *SHAPE)).astype(np.float32)
    logits = discriminator(noise, training=False).numpy()
    assert logits.shape == (200, 1)
    assert (logits < 0).any() or (logits > 1).any(), "logits, not probabilities"


@pytest.mark.parametrize("name", [each for each in WITHOUT_LABELS if "unrolled" not in each])
def test_d_judges_each_image_on_its_own(name: str) -> None:
    """Both gradients from one pass back through D, and what penalties mean, rely on it."""
    discriminator = ARCHITECTURES[name].discriminator(SHAPE)
    images = tf.random.stateless_normal((2, 8, *SHAPE), [0, 1])
    found = []
    for others in images:
        for layer in discriminator.layers:
            if hasattr(layer, "seed_generator"):
                layer.seed_generator.state.assign([0, 7])  # The same masks both times.
        found.append(discriminator(tf.concat([images[0, :1], others[1:]], 0), training=True))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5, atol=1e-6)
    assert not np.allclose(found[0][1:], found[1][1:], rtol=1e-5, atol=1e-6)


def test_dcgan_parameters() -> None:
    generator = ARCHITECTURES["dcgan"].generator(64, SHAPE)
    dense, same, up = 64 * 7 * 7 * 128, 3 * 3 * 128 * 128, 4 * 4 * 128 * 64
    out = 4 * 4 * 64 * 1 + 1
    assert generator.count_params() == dense + same + 2 * 4 * 128 + up + 4 * 64 + out
    discriminator = ARCHITECTURES["dcgan"].discriminator(SHAPE)
    first, second = 4 * 4 * 32 + 32, 4 * 4 * 32 * 64 + 64
    dense, last = 7 * 7 * 64 * 256 + 256, 256 + 1
    assert discriminator.count_params() == first + second + dense + last


@pytest.mark.parametrize(
    ("shape", "base", "maps", "seen"),
    [
        ((4, 4, 1), (1, 1), [128, 64, 1], [32, 64]),
        ((20, 20, 3), (5, 5), [128, 64, 3], [32, 64]),
        ((28, 128, 1), (7, 32), [128, 64, 1], [32, 64]),
        ((36, 36, 3), (9, 9), [128, 64, 3], [32, 64]),
        ((48, 64, 3), (6, 8), [256, 128, 64, 3], [32, 64, 128]),
        ((64, 64, 3), (8, 8), [256, 128, 64, 3], [32, 64, 128]),
        ((128, 128, 3), (8, 8), [256, 256, 128, 64, 3], [32, 64, 128, 128]),
        ((128, 96, 1), (8, 6), [256, 256, 128, 64, 1], [32, 64, 128, 128]),
    ],
)
def test_dcgan_halves_larger_images_more_often(
    shape: tuple[int, int, int], base: tuple[int, int], maps: list[int], seen: list[int]
) -> None:
    generator = ARCHITECTURES["dcgan"].generator(LATENT_DIM, shape)
    dense, *convolutions = [layer for layer in generator.layers if hasattr(layer, "kernel")]
    assert dense.units == base[0] * base[1] * maps[0]
    assert [layer.filters for layer in convolutions] == maps
    assert generator.output_shape == (None, *shape)
    discriminator = ARCHITECTURES["dcgan"].discriminator(shape)
    found = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in found] == seen
    assert found[-1].output.shape == (None, *base, seen[-1])


@pytest.mark.parametrize("shape", [SHAPE, (28, 28, 3), (32, 32, 3)])
def test_dcgan_begins_with_the_weights_that_it_always_had(shape: tuple[int, int, int]) -> None:
    def weights(pair: Architecture) -> list[np.ndarray]:
        with drawing_from(3):
            built = [pair.generator(64, shape), pair.discriminator(shape)]
        return [weight.numpy() for network in built for weight in network.weights]

    spelled_out = Architecture(variants.generator(), variants.discriminator())
    found, wanted = weights(networks("dcgan")), weights(spelled_out)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_other_thread_decides_the_initial_weights() -> None:
    def weights() -> list[np.ndarray]:
        with drawing_from(3):
            built = [networks("mlp").generator(64, SHAPE) for _ in range(5)]
        return [weight.numpy() for network in built for weight in network.weights]

    alone, over = weights(), threading.Event()

    def draw() -> None:
        while not over.is_set():
            random.random()

    other = threading.Thread(target=draw)
    other.start()
    try:
        beside = weights()
    finally:
        over.set()
        other.join()
    for one, other_one in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one, other_one)


def test_one_thread_builds_networks_at_a_time() -> None:
    """Two would put back the settings of the process crosswise, and draw by each other's seeds."""
    before = seed_generator.python_random
    inside = threading.Event()

    def build() -> None:
        with drawing_from(4):
            inside.set()

    with drawing_from(3):
        alone = networks("mlp").generator(64, SHAPE).get_weights()
    with drawing_from(3):
        other = threading.Thread(target=build)
        other.start()
        assert not inside.wait(0.5)
        beside = networks("mlp").generator(64, SHAPE).get_weights()
    other.join()
    assert inside.is_set()
    assert seed_generator.python_random is before
    for one, other_one in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one, other_one)


def test_a_width_scales_every_layer_of_dcgan_and_no_other_architecture() -> None:
    narrow = networks("dcgan", 16)
    generator, discriminator = (
        narrow.generator(LATENT_DIM, (64, 64, 3)),
        narrow.discriminator(SHAPE),
    )
    filters = [
        [layer.filters for layer in network.layers if hasattr(layer, "filters")]
        for network in (generator, discriminator)
    ]
    assert filters == [[64, 32, 16, 3], [8, 16]]
    assert networks("mlp", None) is ARCHITECTURES["mlp"]
    with pytest.raises(
        InputError, match=r"--width=16: --arch=mlp has one width; .*: dcgan, resnet$"
    ):
        networks("mlp", 16)


def test_networks_that_need_labels_say_how_to_get_them() -> None:
    assert set(ARCHITECTURES) - set(WITHOUT_LABELS) == {"conditional_2014"}
    with pytest.raises(InputError, match=r"^--arch=conditional_2014: .* add --conditional=concat$"):
        networks("conditional_2014")
    with pytest.raises(InputError, match=r"^--conditional=projection: --arch=conditional_2014 "):
        networks("conditional_2014", conditional="projection", classes=10)


@pytest.mark.parametrize(
    ("name", "maps"), [("unrolled_quarter", [2, 4, 8]), ("unrolled_half", [4, 8, 16])]
)
def test_unrolled_parameters(name: str, maps: list[int]) -> None:
    generator = ARCHITECTURES[name].generator(256, (28, 28, 3))
    found = 256 * 4 * 4 * 64 + 4 * 4 * 64 + 4 * 64
    for a, b in itertools.pairwise([64, 32, 16, 8]):
        found += 3 * 3 * a * b + b + 4 * b
    assert generator.count_params() == found + 3 * 3 * 8 * 3 + 3
    discriminator = ARCHITECTURES[name].discriminator((28, 28, 3))
    found = sum(3 * 3 * a * b + b + 4 * b for a, b in itertools.pairwise([3, *maps]))
    assert discriminator.count_params() == found + 4 * 4 * maps[-1] + 1


def test_mlp_parameters() -> None:
    def dense(*sizes: int) -> int:
        return sum(a * b + b for a, b in itertools.pairwise(sizes))

    generator = ARCHITECTURES["mlp"].generator(64, SHAPE)
    assert generator.count_params() == dense(64, 256, 512, 1024, 784)
    discriminator = ARCHITECTURES["mlp"].discriminator(SHAPE)
    assert discriminator.count_params() == dense(784, 1024, 512, 256, 1)


@pytest.mark.parametrize("name", WITHOUT_LABELS)
def test_bfloat16_keeps_weights_images_and_logits_in_float32(name: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator = ARCHITECTURES[name].generator(LATENT_DIM, SHAPE)
        discriminator = ARCHITECTURES[name].discriminator(SHAPE)
    finally:
        keras.config.set_dtype_policy(before)
    assert {w.dtype for w in generator.weights + discriminator.weights} == {"float32"}
    images = generator(np.zeros((2, LATENT_DIM), np.float32))
    assert images.dtype == discriminator(images).dtype == "float32"
    computed = {layer.compute_dtype for layer in discriminator.layers}
    assert "bfloat16" in computed, "the precision changes nothing"


@pytest.mark.parametrize("shape", [(16, 14, 14, 8), (16, 40)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_fused_batch_norm_has_the_numbers_of_keras(
    shape: tuple[int, ...], precision: str
) -> None:
    rng = np.random.default_rng(0)
    inputs, weights = (rng.normal(1.0, 2.0, shape).astype(np.float32) for _ in range(2))
    found = []
    for kind in (keras.layers.BatchNormalization, normalization.BatchNormalization):
        with computing_in(precision):
            layer = kind(momentum=0.9)
        layer.build(shape)
        x = tf.cast(inputs, precision)
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            total = tf.reduce_sum(tf.cast(outputs, tf.float32) * weights)
        assert outputs.dtype == precision
        gradients = tape.gradient(total, [x, layer.gamma.value, layer.beta.value])
        shown = layer(x, training=False)
        found.append([*gradients, outputs, shown, *layer.get_weights()])
    tolerance = 2e-2 if precision == "bfloat16" else 1e-4
    for each in zip(*found, strict=True):
        plain, fused = (tf.cast(values, tf.float32).numpy() for values in each)
        np.testing.assert_allclose(fused, plain, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_dropout_keeps_the_mean_and_drops_at_its_rate(precision: str) -> None:
    keras.utils.set_random_seed(0)
    with computing_in(precision):
        layer = dropout.Dropout(0.3)
    inputs = tf.ones([101, 7, 7, 33], precision)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
    once, again = outputs, layer(inputs, training=True)
    dropped = float(tf.reduce_mean(tf.cast(once == 0, tf.float32)))
    # Five standard deviations of the share among 163,317 features.
    assert dropped == pytest.approx(0.3, abs=5 * (0.3 * 0.7 / 163_317) ** 0.5)
    kept = tf.unique(tf.reshape(once, [-1])).y.numpy().astype(np.float32)
    np.testing.assert_allclose(sorted(kept), [0.0, 1 / 0.7], rtol=4e-3)
    both = float(tf.reduce_mean(tf.cast((once == 0) & (again == 0), tf.float32)))
    assert both == pytest.approx(0.09, abs=0.004)  # No mask says anything of the next.
    np.testing.assert_array_equal(tape.gradient(outputs, inputs), once)
    assert layer(inputs, training=False) is inputs
