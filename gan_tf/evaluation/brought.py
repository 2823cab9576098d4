"""Judges of the literature, whose weights a user brings: Inception v3 and DINOv2.

Both know photographs. Their features say little of digits, and figures by them are comparable with
those of papers only where the papers' weights and reals are the same, too.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from gan_tf.data.pixels import scale
from gan_tf.evaluation.classifier import Classifier
from gan_tf.host import building
from gan_tf.host.errors import InputError
from gan_tf.host.files import sha256
from gan_tf.host.graphs import graph

_SIDE = 224  # Pixels of DINOv2's input: 16 patches of 14.
# Of ImageNet's pixels in [0, 1], by channel: what DINOv2 was trained with.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def inception(weights: Path) -> Classifier:
    """Returns ImageNet's Inception v3.

    The weights of keras.applications are not the 2015 ones that published FIDs are of: its figures
    are near those, not equal.

    Args:
      weights: keras.applications' file of InceptionV3's weights, its top included.
    """
    if not weights.is_file():
        raise InputError(f"--inception_weights={weights}: is no file")
    try:
        with building.computing_in("float32"):
            full = keras.applications.InceptionV3(weights=str(weights))
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"--inception_weights={weights}: must be keras.applications' weights of InceptionV3, "
            f"top included ({reason})"
        ) from None
    network = keras.Model(full.inputs, [full.get_layer("avg_pool").output, full.outputs[0]])

    def judge(colours: tf.Tensor) -> Any:
        return network(tf.image.resize(colours, full.input_shape[1:3]), training=False)

    return Classifier("inception-v3", sha256(weights)[:8], None, _of_pixels(judge), batch=25)


def dinov2(weights: Path) -> Classifier:
    """Returns DINOv2, a vision transformer trained without labels (Oquab et al., 2023), whose
    features agree with people about generated photographs better than Inception's do: "Exposing
    Flaws of Generative Model Evaluation Metrics" (Stein et al., 2023).

    Its features are those of the class token, `[B, D]`, of images resized to 224 pixels. It knows
    no classes.

    Args:
      weights: the directory of a DINOV2Backbone that keras_hub downloaded or saved.
    """
    if not (weights / "config.json").is_file():
        raise InputError(
            f"--dinov2_weights={weights}: must be a directory of keras_hub's DINOV2Backbone, with "
            "config.json"
        )
    if not importlib.util.find_spec("keras_hub"):
        raise InputError("--classifier=dinov2 needs more: pip install 'gan_tf[dinov2]'")
    from keras_hub.models import DINOV2Backbone

    place = str(weights.absolute())  # Else it may be a name that keras_hub knows, and downloads.
    try:
        with building.computing_in("float32"):
            network = DINOV2Backbone.from_preset(place, image_shape=(_SIDE, _SIDE, 3))
    except (ImportError, OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"--dinov2_weights={weights}: must be a directory of keras_hub's DINOV2Backbone; its "
            f"files are damaged, or of something else ({type(error).__name__})"
        ) from None
    arrays = network.get_weights()
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:8]

    def judge(colours: tf.Tensor) -> tuple[tf.Tensor, None]:
        images = tf.image.resize((colours + 1.0) / 2.0, [_SIDE, _SIDE], "bicubic", antialias=True)
        tokens = network({"images": (images - _MEAN) / _DEVIATION}, training=False)
        return tokens[:, 0], None

    return Classifier(f"dinov2-{network.hidden_dim}", digest, None, _of_pixels(judge), batch=25)


def _of_pixels(judge: Callable[[tf.Tensor], Any]) -> Callable[[tf.Tensor], Any]:
    """Returns the judge of uint8 images `[B, H, W, C]`, from one of `[B, H, W, 3]` in [-1, 1]."""
    compiled = graph(judge, reduce_retracing=True)
    # Colours are made outside the graph: one that is retraced for another C would not know it.
    return lambda pixels: compiled(_coloured(scale(pixels)))


def _coloured(images: tf.Tensor) -> tf.Tensor:
    """Images `[B, H, W, C]` in [-1, 1] -> `[B, H, W, 3]`: grey ones repeated, and those with alpha
    laid over white."""
    if images.shape[-1] == 1:
        return tf.image.grayscale_to_rgb(images)
    if images.shape[-1] == 4:
        alpha = (images[..., 3:] + 1.0) / 2.0
        return alpha * images[..., :3] + (1.0 - alpha)  # White is 1.
    return images
