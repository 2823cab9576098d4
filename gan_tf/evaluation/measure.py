"""What D thinks of images that no step saw, in inference mode: measured, never trained on."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from gan_tf.data.pixels import scale
from gan_tf.evaluation import theory
from gan_tf.evaluation.reals import Unseen
from gan_tf.game import latents
from gan_tf.game.latents import Distribution
from gan_tf.game.losses import LOSSES
from gan_tf.game.players import GanState
from gan_tf.host.graphs import graph
from gan_tf.models.calling import apply

_IMAGES = 250  # At each line of the log.


class Measure:
    """D's accuracy on held-out reals and fresh fakes and, if its output is the logit of a
    probability, the value V(D, G) and the Jensen-Shannon estimate that it implies.

    Attributes:
      held_out: how many reals it measures on at the end.
      in_pairs: whether D is right about pairs of a real and a fake, for its output has no sign.
    """

    def __init__(
        self,
        state: GanState,
        held_out: Unseen,
        draw: Distribution,
        *,
        most: int,
        latent_dim: int,
        seed: int,
        loss: str,
    ) -> None:
        """Takes the players, reals that no step sees, of which it looks at the first `most` at the
        end, and how latents are drawn."""
        self._state = state
        self._images, self._labels = held_out
        self.held_out = min(most, len(held_out.images))
        self._of_a_line = min(_IMAGES, len(held_out.images))
        self._draw, self._latent_dim, self._seed = draw, latent_dim, seed
        self._cross_entropy = LOSSES[loss].cross_entropy
        self.in_pairs = not LOSSES[loss].signed
        self._accuracy = theory.ranked if self.in_pairs else theory.accuracy
        self._judge = graph(self._logits, reduce_retracing=True)

    def __call__(self, step: int) -> dict[str, float]:
        """Returns the figures of a log line; a function of the state and the step alone."""
        real_logits, fake_logits = self._both(self._of_a_line, step)
        found = {"d_accuracy": self._accuracy(real_logits, fake_logits)}
        if self._cross_entropy:
            found["value"] = theory.value(real_logits, fake_logits)
            found["jensen_shannon"] = theory.jensen_shannon(found["value"])
        return found

    def accuracy(self) -> float:
        """Returns D's accuracy on `held_out` reals and as many fresh fakes."""
        return self._accuracy(*self._both(self.held_out, 0))

    def _both(self, number: int, step: int) -> tuple[theory.Logits, theory.Logits]:
        """The logits of the first held-out reals, and of as many fakes of the same classes."""
        judged = [
            self._judge(
                tf.constant(self._images[start : min(start + _IMAGES, number)]),
                tf.constant(self._labels[start : min(start + _IMAGES, number)]),
                latents.stream_seed(self._seed, latents.MEASURING_STREAM, step + start),
            )
            for start in range(0, number, _IMAGES)
        ]
        real_logits, fake_logits = zip(*judged, strict=True)
        return np.concatenate(real_logits), np.concatenate(fake_logits)

    def _logits(
        self, reals: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        generator, discriminator = self._state.generator.network, self._state.discriminator.network
        z = self._draw((tf.shape(reals)[0], self._latent_dim), seed)
        fakes = apply(generator, z, labels, training=False)
        real_logits, fake_logits = (
            apply(discriminator, images, labels, training=False) for images in (scale(reals), fakes)
        )
        return real_logits, fake_logits
