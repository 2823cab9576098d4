"""From a `Config` to what it describes: data, judge, networks, optimisers, losses, schedule."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import tensorflow as tf

from gan_tf.config import Config
from gan_tf.config.data import IN_MEMORY, wanted
from gan_tf.data.cache import Split
from gan_tf.data.dataset import Dataset, Description, open_dataset, open_images, open_imported
from gan_tf.data.feed import Feed
from gan_tf.data.images.arrays import Arrays
from gan_tf.data.stream import StreamedFeed
from gan_tf.evaluation import judges
from gan_tf.evaluation import reals as real_images
from gan_tf.evaluation.figures import LIKELIHOOD
from gan_tf.evaluation.judging import Evaluation
from gan_tf.evaluation.measure import Measure
from gan_tf.evaluation.parzen import VALIDATION_IMAGES, Likelihood
from gan_tf.evaluation.reals import Unseen
from gan_tf.game import latents, schedules
from gan_tf.game.augment import Scheduled, augment_of, mirrored
from gan_tf.game.losses import LOSSES, discriminator_objective, generator_objective
from gan_tf.game.one_pass import mixes_images
from gan_tf.game.optimizers import Adam, Sgd
from gan_tf.game.penalties import penalty_of
from gan_tf.game.players import GanState, MakeOptimizer, new_state
from gan_tf.game.rules import Game
from gan_tf.host import devices, files
from gan_tf.host.errors import InputError
from gan_tf.models import check_size, networks
from gan_tf.training.schedule import Schedule


def dataset(
    config: Config, began: Description | None = None, arrays: Arrays | None = None
) -> Dataset:
    """Returns the run's data.

    Args:
      config: the configuration, resolved.
      began: what a run that goes on was trained on.
      arrays: images of a program, in place of those of a flag.

    Raises:
      InputError: the data cannot be used, or the networks are not made for it.
    """
    data_dir = files.seen_from_here(Path(str(config.data_dir)))
    if began and config.images == IN_MEMORY and not arrays:  # There is no file to compare with.
        found = open_imported(began.name, began.digest, data_dir, config.verify)
    elif config.images:
        source = arrays or files.seen_from_here(Path(config.images))
        found = open_images(source, wanted(config), data_dir, verify=config.verify, began=began)
    else:
        manual_dir = files.seen_from_here(Path(config.manual_dir)) if config.manual_dir else None
        found = open_dataset(
            str(config.dataset), data_dir, manual_dir, config.verify, wanted(config)
        )
    about = found.description
    if config.licence:
        about = dataclasses.replace(about, licence=config.licence)
    if config.conditional != "none":
        about = dataclasses.replace(about, classes=found.counted(config.validation_images))
    found = dataclasses.replace(found, description=about)
    check_size(config.arch, found.name, found.description.image_shape)
    return found


def feed(config: Config, reals: Split, share: tuple[int, int] = (0, 1)) -> Feed:
    """Returns the batches of the steps, from where `--placement` puts the reals; of several workers
    the share of one, by its rank and their number."""
    placed = config.placement
    if placed == "auto":
        # The rest is for the networks, their work, and whatever else the machine does.
        fits = 4 * reals.images.nbytes <= devices.available_memory()
        placed = "resident" if fits else "streamed"
    return (StreamedFeed if placed == "streamed" else Feed)(
        reals,
        batch_size=config.batch_size,
        discriminator_steps=config.discriminator_steps,
        seed=config.seed,
        share=share,
    )


def evaluation(
    config: Config, data: Dataset, held_out: Unseen, kept: Path | None = None
) -> Evaluation | None:
    """Returns what judges the generator during training, if need be by images that no step sees, or
    by the classifier that the run keeps; None if it is frozen, or not judged."""
    if not is_judged(config, data):
        return None
    judge = judges.find(data, config.classifier, kept)
    compared = real_images.compared(judge, data, config.evaluate_images)
    # Where samples are compared with training images, their features are at hand.
    copies = real_images.copies(judge, data) if compared.against == "training" else None
    names = list(data.description.classes)
    asked = config.best_by == LIKELIHOOD
    likelihood = Likelihood(held_out.images[:VALIDATION_IMAGES]) if asked else None
    return Evaluation(judge, compared, data.split("train").images, copies, names, likelihood)


def is_judged(config: Config, data: Dataset) -> bool:
    """Whether the generator is judged in training; InputError if it cannot be as it shall."""
    lack = real_images.lack(data)
    if lack and config.classifier != "auto":
        raise InputError(f"--classifier={config.classifier}: {lack}")
    return bool(config.generator_steps and config.evaluate_every) and not lack


def measure(config: Config, state: GanState, held_out: Unseen) -> Measure:
    """Returns what asks D what it thinks of images that no step sees."""
    return Measure(
        state,
        held_out,
        latents.distribution_of(config.latents, config.latent_codes),
        most=config.evaluate_images,
        latent_dim=config.latent_dim,
        seed=config.seed,
        loss=config.loss,
    )


def schedule(config: Config, images: int, evaluated: bool) -> Schedule:
    """Returns what is due when, on so many training images."""
    return Schedule(
        total=config.total_steps(images),
        log_every=config.log_every,
        sample_every=config.sample_every,
        checkpoint_every=config.checkpoint_every,
        evaluate_every=config.evaluate_every if evaluated else 0,
    )


def epochs(config: Config, steps: int, images: int) -> float:
    """Returns the passes over the reals in so many steps, counting every batch that D sees."""
    return steps * images_a_step(config) / images


def game(config: Config, reals: Split, classes: int = 0) -> Game:
    """Returns the rules of a run and the state before its first step.

    Args:
      config: the configuration; what it leaves open follows these images.
      reals: the training images, for their shape and for initial weights that want them.
      classes: of the labels, in a conditional run.

    Raises:
      InputError: simultaneous updates, and a discriminator that mixes the images of a batch.
    """
    config = config.follow(reals.image_shape, len(reals.images))
    assert config.r1_gamma is not None
    state = new_state(
        networks(config.arch, config.width, config.conditional, classes),
        image_shape=reals.image_shape,
        latent_dim=config.latent_dim,
        seed=config.seed,
        precision=config.precision,
        generator_optimizer=_optimizer(config, config.generator_lr, config.generator_steps),
        discriminator_optimizer=_optimizer(
            config, config.discriminator_lr, config.discriminator_steps
        ),
        reals=reals.images,
        adaptive=config.augment == "ada" and config.augment_p is None,
    )
    if config.update == "simultaneous" and mixes_images(state.discriminator.network):
        raise InputError(
            f"--update=simultaneous: the discriminator of --arch={config.arch} must judge each "
            "image on its own, without batch norm; the other orders take any"
        )
    return Game(
        state=state,
        generator_loss=generator_objective(config.loss),
        discriminator_loss=discriminator_objective(
            config.loss, config.label_smoothing, config.discriminator_reduction
        ),
        compares=LOSSES[config.loss].compares,
        draw=latents.training_draws(
            latents.distribution_of(config.latents, config.latent_codes),
            config.batch_size,
            config.latent_dim,
            seed=config.seed,
            pool=config.latent_pool,
            classes=classes if config.fake_labels == "uniform" else 0,
        ),
        update=config.update,
        generator_steps=config.generator_steps,
        same_latents=config.generator_latents == "same",
        penalty=penalty_of(
            gradient_penalty_weight=config.gradient_penalty,
            r1_gamma=schedules.by_images(config.r1_gamma, images_a_step(config)),
            r2_gamma=schedules.by_images(config.r2_gamma, images_a_step(config)),
            r1_every=config.r1_every,
            seed=config.seed,
            step=state.step,
        ),
        average=_average(config),
        augment=augment_of(
            config.augment,
            seed=config.seed,
            probability=state.probability or _probability(config, state.step),
        ),
        mirror=functools.partial(mirrored, seed=config.seed) if config.mirror else None,
    )


def images_a_step(config: Config) -> int:
    """Returns how many reals D is given in a step: what the images of a schedule count."""
    return config.batch_size * config.discriminator_steps


def _optimizer(config: Config, learning_rate: float | str, updates: int) -> MakeOptimizer:
    """Returns what makes one player's optimiser from its variables, `updates` being its own of a
    step."""
    images = images_a_step(config) / max(updates, 1)
    rate = (
        schedules.by_images(learning_rate, images)
        if isinstance(learning_rate, str)
        else schedules.decaying(learning_rate, config.lr_decay, config.lr_min)
    )
    if config.optimizer == "sgd":
        momentum = schedules.rising(config.momentum, config.final_momentum, config.momentum_updates)
        return functools.partial(Sgd, learning_rate=rate, momentum=momentum)
    return functools.partial(
        Adam,
        learning_rate=rate,
        beta_1=config.beta_1,
        beta_2=schedules.by_images(config.beta_2, images),
        epsilon=config.adam_epsilon,
    )


def _average(config: Config) -> schedules.Schedule:
    """Returns the share of its average that each step keeps."""
    images = images_a_step(config)
    if config.ema_half_life is not None:
        return schedules.forgetting(schedules.by_images(config.ema_half_life, images), images)
    assert config.ema_decay is not None
    return schedules.growing(config.ema_decay)


def _probability(config: Config, step: tf.Variable) -> Scheduled | None:
    """Returns the probability of each change where a flag says it."""
    if config.augment_p is None:
        return None
    return Scheduled(schedules.by_images(config.augment_p, images_a_step(config)), step)
