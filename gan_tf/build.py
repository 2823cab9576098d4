"""From a `Config` to what it describes: images, judge, networks, optimisers, losses, latents."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf import data, latents, penalties
from gan_tf import evaluation as evaluations
from gan_tf.config import Config
from gan_tf.errors import InputError
from gan_tf.evaluation import Evaluation
from gan_tf.losses import LOSSES, discriminator_objective
from gan_tf.models import ARCHITECTURES
from gan_tf.optimizers import Adam, Sgd, decaying, rising
from gan_tf.state import GanState, MakeOptimizer, new_state
from gan_tf.steps import Game, Penalty


def images(config: Config) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Returns the images to train on, and those that no step sees."""
    manual_dir = Path(config.manual_dir) if config.manual_dir else None
    data_dir = Path(str(config.data_dir))
    reals = data.load(config.dataset, data_dir, manual_dir).images
    if not config.validation_images:
        try:
            return reals, data.load(config.dataset, data_dir, manual_dir, "test").images
        except InputError as error:
            raise InputError(f"{error}; --validation_images=1000 keeps some apart") from None
    if config.validation_images >= len(reals):
        raise InputError(
            f"--validation_images={config.validation_images}: must leave some of the "
            f"{len(reals):,} images of {config.dataset} to train on"
        )
    return reals[: -config.validation_images], reals[-config.validation_images :]


def evaluation(config: Config) -> Evaluation | None:
    """Returns what judges the generator during training; None if it is frozen, or not judged."""
    data_dir = Path(str(config.data_dir))
    manual_dir = Path(config.manual_dir) if config.manual_dir else None

    def split(name: str) -> data.LabelledImages:
        return data.load(config.dataset, data_dir, manual_dir, name)

    if not config.generator_steps or not config.evaluate_every:
        return None
    if not evaluations.possible(config.dataset, config.classifier):
        return None
    judge = evaluations.find_classifier(config.dataset, config.classifier, data_dir, split)
    num = min(config.evaluate_images, len(split("test").images), len(split("train").images))
    reals = evaluations.judged(judge, config.dataset, data_dir, "test", split, num)
    return Evaluation(judge, reals, split("train").images)


def game(config: Config, reals: npt.NDArray[np.uint8]) -> Game:
    """Returns the rules of a run and the state before its first step.

    Args:
      config: the configuration.
      reals: the training images, uint8 `[N, H, W, C]`, for initial weights that want them.

    Raises:
      InputError: simultaneous updates, and a discriminator that mixes the images of a batch.
    """
    state = new_state(
        ARCHITECTURES[config.arch],
        data.IMAGE_SHAPE,
        config.latent_dim,
        config.seed,
        config.precision,
        _optimizer(config, config.generator_lr),
        _optimizer(config, config.discriminator_lr),
        reals,
    )
    if config.update == "simultaneous" and _mixes_images(state.discriminator.network):
        raise InputError(
            f"--update=simultaneous: the discriminator of --arch={config.arch} must judge each "
            "image on its own, without batch norm; the other orders take any"
        )
    return Game(
        state,
        LOSSES[config.loss].generator,
        discriminator_objective(
            config.loss, config.label_smoothing, config.discriminator_reduction
        ),
        _draw_latents(config),
        config.update,
        config.generator_steps,
        config.generator_latents == "same",
        _penalty(config, state),
        config.ema_decay,
    )


def _mixes_images(discriminator: keras.Model) -> bool:
    """Whether a logit depends on other images of its batch, as through batch norm."""
    before = [variable.numpy() for variable in discriminator.variables]
    images = tf.random.stateless_normal((2, *discriminator.input_shape[1:]), [0, 0])
    with tf.GradientTape() as tape:
        tape.watch(images)
        first = discriminator(images, training=True)[0]
    mixes = bool(tf.reduce_any(tape.gradient(first, images)[1] != 0.0))
    for variable, value in zip(discriminator.variables, before, strict=True):
        variable.assign(value)  # Batch statistics and dropout's seeds.
    return mixes


def _optimizer(config: Config, learning_rate: float) -> MakeOptimizer:
    """Returns what makes one player's optimiser from its variables."""
    rate = decaying(learning_rate, config.lr_decay, config.lr_min)
    if config.optimizer == "sgd":
        momentum = rising(config.momentum, config.final_momentum, config.momentum_updates)
        return functools.partial(Sgd, learning_rate=rate, momentum=momentum)
    return functools.partial(
        Adam,
        learning_rate=rate,
        beta_1=config.beta_1,
        beta_2=config.beta_2,
        epsilon=config.adam_epsilon,
    )


def _draw_latents(config: Config) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the function from a draw's number to its latents `[B, latent_dim]`."""
    draw = latents.LATENTS[config.latents]
    shape = (config.batch_size, config.latent_dim)
    if not config.latent_pool:
        return lambda number: draw(
            shape, latents.stream_seed(config.seed, latents.TRAINING_STREAM, number)
        )
    seed = latents.stream_seed(config.seed, latents.POOL_STREAM)
    pool = draw((config.latent_pool, config.latent_dim), seed)

    def next_of_pool(number: tf.Tensor) -> tf.Tensor:
        places = number * config.batch_size + tf.range(config.batch_size, dtype=tf.int64)
        return tf.gather(pool, places % config.latent_pool)

    return next_of_pool


def _penalty(config: Config, state: GanState) -> Penalty | None:
    """Returns what the configuration adds to D's loss, if anything."""
    if not config.r1_gamma and not config.gradient_penalty:
        return None

    def penalty(discriminator: keras.Model, reals: tf.Tensor, fakes: tf.Tensor) -> tf.Tensor:
        total = tf.zeros([])
        if config.gradient_penalty:
            seed = latents.stream_seed(config.seed, latents.PENALTY_STREAM, state.step)
            mix = tf.random.stateless_uniform([config.batch_size, 1, 1, 1], seed, alg="philox")
            total += config.gradient_penalty * penalties.gradient_penalty(
                discriminator, reals, fakes, mix
            )
        if config.r1_gamma:
            # Now and then and as many times as heavy: the mean pull is the same ("lazy"
            # regularisation, Karras et al., 2020, section 3.1), at a fraction of the cost.
            total += tf.cond(
                state.step % config.r1_every == 0,
                lambda: config.r1_gamma * config.r1_every * penalties.r1(discriminator, reals),
                lambda: tf.zeros([]),
            )
        return total

    return penalty
