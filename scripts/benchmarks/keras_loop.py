"""A DCGAN in plain Keras as a tutorial has it: tf.data, one compiled call a step.

It is what gan_tf is measured against. It knows nothing of gan_tf, and stays plain.
Prints one JSON line: {"images_per_second": ...}.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def tutorial() -> tuple[keras.Model, keras.Model]:
    """TensorFlow's tutorial: 5x5 kernels, dropout in D."""
    generator = keras.Sequential(
        [
            keras.Input([100]),
            layers.Dense(7 * 7 * 256, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape([7, 7, 256]),
            layers.Conv2DTranspose(128, 5, 1, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(64, 5, 2, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(1, 5, 2, "same", use_bias=False),
            layers.Activation("tanh", dtype="float32"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input([28, 28, 1]),
            layers.Conv2D(64, 5, 2, "same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Conv2D(128, 5, 2, "same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1, dtype="float32"),
        ]
    )
    return generator, discriminator


def small() -> tuple[keras.Model, keras.Model]:
    """A small DCGAN: 4x4 kernels, batch norm in both."""
    generator = keras.Sequential(
        [
            keras.Input([100]),
            layers.Dense(7 * 7 * 128, use_bias=False),
            layers.Reshape([7, 7, 128]),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2DTranspose(64, 4, 2, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2DTranspose(1, 4, 2, "same"),
            layers.Activation("tanh", dtype="float32"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input([28, 28, 1]),
            layers.Conv2D(32, 4, 2, "same"),
            layers.LeakyReLU(0.2),
            layers.Conv2D(64, 4, 2, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dense(1, dtype="float32"),
        ]
    )
    return generator, discriminator


COLOUR_SHAPE = (64, 64, 3)


def colour() -> tuple[keras.Model, keras.Model]:
    """A DCGAN for colour images of 64x64: batch norm in G alone."""
    generator = keras.Sequential(
        [
            keras.Input([64]),
            layers.Dense(8 * 8 * 256, use_bias=False),
            layers.Reshape([8, 8, 256]),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(256, 3, 1, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2DTranspose(128, 4, 2, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2DTranspose(64, 4, 2, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2DTranspose(3, 4, 2, "same"),
            layers.Activation("tanh", dtype="float32"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input(COLOUR_SHAPE),
            layers.Conv2D(32, 4, 2, "same"),
            layers.LeakyReLU(0.2),
            layers.Conv2D(64, 4, 2, "same"),
            layers.LeakyReLU(0.2),
            layers.Conv2D(128, 4, 2, "same"),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dense(256),
            layers.LeakyReLU(0.2),
            layers.Dense(1, dtype="float32"),
        ]
    )
    return generator, discriminator


# Networks, batch, Adam's rate and first decay, label smoothing, decay of G's average.
RECIPES = {
    "tutorial": (tutorial, 256, 1e-4, 0.9, 0.0, 0.0),
    "small": (small, 64, 2e-4, 0.5, 0.1, 0.998),
    "colour": (colour, 64, 1e-3, 0.0, 0.0, 0.999),
}


def main() -> None:
    """Trains until the last mark; keeps samples at each, outside the time that counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("images", help="reals, uint8 [N, H, W, C] as the recipe has them, as .npy")
    parser.add_argument("--precision", default="float32", choices=("float32", "mixed_bfloat16"))
    parser.add_argument("--marks", default="10", help="seconds of training, between commas")
    parser.add_argument("--output", help="directory for MARK.npy, 10,000 samples each")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    networks, batch, rate, beta, smoothing, decay = RECIPES[options.recipe]
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    generator, discriminator = networks()
    average = keras.models.clone_model(generator)
    average.set_weights(generator.get_weights())
    dim = generator.input_shape[1]
    g_optimizer = keras.optimizers.Adam(rate, beta_1=beta)
    d_optimizer = keras.optimizers.Adam(rate, beta_1=beta)
    g_optimizer.build(generator.trainable_variables)
    d_optimizer.build(discriminator.trainable_variables)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def train_step(reals: tf.Tensor) -> None:
        latents = tf.random.normal([batch, dim])
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fakes = generator(latents, training=True)
            real_logits = discriminator(reals, training=True)
            fake_logits = discriminator(fakes, training=True)
            g_loss = cross_entropy(tf.ones_like(fake_logits), fake_logits)
            d_loss = cross_entropy((1.0 - smoothing) * tf.ones_like(real_logits), real_logits)
            d_loss += cross_entropy(tf.zeros_like(fake_logits), fake_logits)
        g_gradients = g_tape.gradient(g_loss, generator.trainable_variables)
        d_gradients = d_tape.gradient(d_loss, discriminator.trainable_variables)
        g_optimizer.apply_gradients(zip(g_gradients, generator.trainable_variables, strict=True))
        d_optimizer.apply_gradients(
            zip(d_gradients, discriminator.trainable_variables, strict=True)
        )
        if decay:
            for mean, weight in zip(average.weights, generator.weights, strict=True):
                mean.assign(decay * mean + (1.0 - decay) * weight)

    images = np.load(options.images).astype(np.float32) / 127.5 - 1.0
    data = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images))
    batches = iter(data.repeat().batch(batch).prefetch(2))
    shown = average if decay else generator
    latents = tf.random.stateless_normal([10_000, dim], [options.seed, 1])
    train_step(next(batches))  # Compiles; time counts from here.
    steps, seconds = 0, 0.0
    for mark in map(float, options.marks.split(",")):
        start = time.perf_counter() - seconds
        while (seconds := time.perf_counter() - start) < mark:
            train_step(next(batches))
            steps += 1
        if options.output:
            samples = np.concatenate(
                [shown(part, training=False) for part in tf.split(latents, 40)]
            )
            pixels = np.clip(np.rint((samples + 1.0) * 127.5), 0, 255).astype(np.uint8)
            np.save(Path(options.output) / f"{mark:g}.npy", pixels)
    print(json.dumps({"images_per_second": batch * steps / seconds}))


if __name__ == "__main__":
    main()
