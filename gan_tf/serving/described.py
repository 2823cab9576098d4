"""What follows from the description that lies with an export, `gan_tf.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from gan_tf.data.dataset import Description
from gan_tf.game.latents import CODES, Distribution, distribution_of
from gan_tf.game.losses import LOSSES
from gan_tf.host.errors import InputError
from gan_tf.serving import signatures
from gan_tf.serving.signatures import Endpoint


def distribution(about: Mapping[str, Any]) -> Distribution:
    """Returns how the latents of an export are distributed. Exports before codes have none."""
    return distribution_of(about["latents"], about.get("latent_codes", CODES))


def check_shape(about: Mapping[str, Any], path: Path, data: Description) -> None:
    """Raises InputError if the images of the export at `path` cannot be compared with a
    dataset's."""
    shape = about.get("image_shape")
    if shape and tuple(shape) != data.image_shape:
        mine, theirs = ("x".join(map(str, each)) for each in (shape, data.image_shape))
        raise InputError(f"--dataset={data.name}: has images of {theirs}; {path} draws {mine}")


def endpoints(
    generator: keras.Model, discriminator: keras.Model, about: Mapping[str, Any]
) -> dict[str, Endpoint]:
    """Returns the signatures of the networks that a description is of."""
    height, width, channels = about["image_shape"]
    return signatures.signatures(
        generator,
        discriminator,
        distribution(about),
        latent_dim=about["latent_dim"],
        image_shape=(height, width, channels),
        cross_entropy=LOSSES[about["config"]["loss"]].cross_entropy,
        classes=list(about.get("classes", {})),
    )
