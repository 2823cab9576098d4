"""What several commands ask of a generator: declared once, for each of them."""

from __future__ import annotations

from typing import Any

from gan_tf.config.knobs import knob


def text() -> Any:
    """Returns the declaration of `--text`."""
    return knob(
        None,
        "Write this in one row of images, where classes are called by one character each.",
        unit="characters, as in 2026",
    )


def truncation() -> Any:
    """Returns the declaration of `--truncation`."""
    return knob(
        1.0,
        "How far latents are from their mean: below 1 images are more usual and vary less, above "
        "1 they vary more.",
        low=0.0,
        high=2.0,
    )
