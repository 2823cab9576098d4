"""The networks: a file a family, and one registry of them all.

A generator maps latents `[B, latent_dim]` to images `[B, H, W, C]` in [-1, 1]; a
discriminator maps images to logits `[B, 1]`. Both are ordinary Keras models, sequential or
functional, whose images and logits are float32 in both precisions: `dtype="float32"` on the last
layer. In a conditional run both take labels, int64 `[B]`, as their second input.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from etils import epy

from gan_tf.host.errors import InputError
from gan_tf.models import dcgan, maxout, resnet, tutorials, unrolled
from gan_tf.models.mlp import dense_discriminator, dense_generator

with epy.lazy_imports():
    import keras

ImageShape = tuple[int, int, int]


@dataclass(frozen=True)
class Architecture:
    """The two functions that build a pair of networks.

    Attributes:
      generator: called with (latent_dim, image_shape), image_shape being (H, W, C).
      discriminator: called with (image_shape); what it says of an image must not depend on the
        others of the batch, or penalties and simultaneous updates do not mean what they say.
      start: called once with the new generator and the training images, uint8
        `[N, H, W, C]`, if initial weights depend on the data.
      size: the one (H, W) that the networks are made for; None if they size themselves.
      width: what both functions take `width` as where none is asked for: the maps that the other
        layers are multiples of. None if they take no `width`.
      conditions: the ways in which they take labels, of CONDITIONAL. Only in a run that is
        conditional are both functions called with `classes=`, how many there are, and
        `conditional=`, one of these ways.
      needs_labels: whether there are no such networks without labels.
    """

    generator: Callable[..., keras.Model]
    discriminator: Callable[..., keras.Model]
    start: Callable[[keras.Model, Any], None] | None = None
    size: tuple[int, int] | None = None
    width: int | None = None
    conditions: Collection[str] = ()
    needs_labels: bool = False


def networks(
    arch: str, width: int | None = None, conditional: str = "none", classes: int = 0
) -> Architecture:
    """Returns a pair of networks by its name.

    Args:
      arch: one of ARCHITECTURES.
      width: None for the networks' own.
      conditional: one of CONDITIONAL.
      classes: how many there are, if it is not `none`.

    Raises:
      InputError: another width is asked of networks that do not scale, labels of some that take
        none, or none of some that need them.
    """
    found = ARCHITECTURES[arch]
    given: dict[str, Any] = {}
    if width is not None:
        if found.width is None:
            scaling = ", ".join(name for name, each in ARCHITECTURES.items() if each.width)
            raise InputError(
                f"--width={width}: --arch={arch} has one width; these take any: {scaling}"
            )
        given["width"] = width
    if conditional != "none":
        if conditional not in found.conditions:
            others = [
                name for name, each in ARCHITECTURES.items() if conditional in each.conditions
            ]
            raise InputError(
                f"--conditional={conditional}: --arch={arch} takes no labels so; these do: "
                f"{', '.join(others)}"
            )
        given |= {"classes": classes, "conditional": conditional}
    elif found.needs_labels:
        raise InputError(
            f"--arch={arch}: needs a label beside each image; add "
            f"--conditional={next(iter(found.conditions))}"
        )
    if not given:
        return found
    return dataclasses.replace(
        found,
        generator=functools.partial(found.generator, **given),
        discriminator=functools.partial(found.discriminator, **given),
    )


def check_size(arch: str, dataset: str, image_shape: ImageShape) -> None:
    """Raises InputError if a pair of networks is not made for images of this shape."""
    size = ARCHITECTURES[arch].size
    if size and size != image_shape[:2]:
        raise InputError(
            f"--arch={arch}: is made for {size[0]}x{size[1]} images, and {dataset} has "
            f"{image_shape[0]}x{image_shape[1]}; others, such as dcgan and mlp, size themselves"
        )


# Networks that the package has the weights of (`gan_tf.serving.pretrained`).
PRETRAINED = ("mnist",)
CONDITIONAL = ("none", "concat", "projection")
_BOTH = ("concat", "projection")
_SIZE = (28, 28)  # Of MNIST, which these authors had in mind.

ARCHITECTURES: dict[str, Architecture] = {
    "dcgan": Architecture(
        dcgan.generator, dcgan.discriminator, width=dcgan.WIDTH, conditions=_BOTH
    ),
    "resnet": Architecture(
        resnet.generator, resnet.discriminator, width=resnet.WIDTH, conditions=("projection",)
    ),
    "mlp": Architecture(
        dense_generator([256, 512, 1024], leak=0.2, torch=False),
        dense_discriminator([1024, 512, 256], leak=0.2, dropout=0.3, torch=False),
        conditions=_BOTH,
    ),
    "paper_2014": Architecture(
        maxout.generator, maxout.discriminator, maxout.start_at_the_mean_image
    ),
    "conditional_2014": Architecture(
        maxout.conditional_generator,
        maxout.conditional_discriminator,
        maxout.start_at_the_mean_image,
        conditions=("concat",),
        needs_labels=True,
    ),
    "noise_classifier": Architecture(
        dense_generator([256]), dense_discriminator([256], dropout=0.5)
    ),
    "step_by_step": Architecture(
        dense_generator([256, 512, 1024]), dense_discriminator([1024, 512, 256], dropout=0.3)
    ),
    "label_smoothing": Architecture(
        dense_generator([32, 64, 128], leak=0.2, dropout=0.3),
        dense_discriminator([128, 64, 32], leak=0.2, dropout=0.3),
    ),
    "bells_and_whistles": Architecture(
        dense_generator([256, 512, 1024], leak=0.2),
        dense_discriminator([1024, 512, 256], leak=0.2, dropout=0.3),
    ),
    "tensorflow_notebook": Architecture(
        tutorials.notebook_generator, tutorials.notebook_discriminator, size=_SIZE
    ),
    "lightning_cnn": Architecture(
        tutorials.lightning_generator, tutorials.lightning_discriminator, size=_SIZE
    ),
    "tensorflow_tutorial": Architecture(
        tutorials.tutorial_generator, tutorials.tutorial_discriminator, size=_SIZE
    ),
    "unrolled_quarter": Architecture(
        unrolled.generator, functools.partial(unrolled.discriminator, (2, 4, 8)), size=_SIZE
    ),
    "unrolled_half": Architecture(
        unrolled.generator, functools.partial(unrolled.discriminator, (4, 8, 16)), size=_SIZE
    ),
}
