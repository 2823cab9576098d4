"""How networks are called: those of a conditional run take labels, too."""

from __future__ import annotations

import keras
import tensorflow as tf


def takes_labels(network: keras.Model) -> bool:
    """Whether a network has labels as its second input."""
    return len(network.inputs) > 1


def apply(
    network: keras.Model, inputs: tf.Tensor, labels: tf.Tensor | None, training: bool
) -> tf.Tensor:
    """Returns what a network makes of its inputs.

    Args:
      network: a generator or a discriminator.
      inputs: latents `[B, latent_dim]`, or images `[B, H, W, C]`.
      labels: int64 `[B]`; a network that takes none does not see them.
      training: see Keras.
    """
    return network([inputs, labels] if takes_labels(network) else inputs, training=training)
