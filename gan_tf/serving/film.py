"""A film of the way from one image to the next, and back to the first."""

from __future__ import annotations

import numpy as np

from gan_tf.serving import described
from gan_tf.serving.servable import Labels, Latents, Pixels, Servable

FRAMES = 16  # From one image to the next.


def frames(exported: Servable, latents: Latents, labels: Labels | None) -> Pixels:
    """Returns the frames of a film, uint8 `[N * FRAMES, H, W, C]`.

    Args:
      exported: the generator.
      latents: of the N images, `[N, latent_dim]`; between them see `Distribution.between`.
      labels: of the images `[N]`, of a conditional model. Half-way to the next image the class
        becomes that of the next.
    """
    fractions = np.tile(np.arange(FRAMES, dtype=np.float32) / FRAMES, len(latents))
    here = np.repeat(np.arange(len(latents)), FRAMES)
    there = (here + 1) % len(latents)
    way = (
        described.distribution(exported.metadata)
        .between(latents[here], latents[there], fractions[:, None])
        .numpy()
    )
    if labels is None:
        return exported.draw(way)
    return exported.draw(way, np.where(fractions < 0.5, labels[here], labels[there]))
