"""Stacked MNIST: three digits as the red, green and blue of one image; 1,000 known modes.

The data of "Unrolled Generative Adversarial Networks" (Metz et al., 2017, section 3.3.1), with the
128,000 stacks that later papers count modes on (PacGAN, Lin et al., 2018, section 4.1).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from gan_tf.data import cache
from gan_tf.data.cache import Part, Split
from gan_tf.host import files

NAME = "stacked_mnist"
STACKS = {"train": 128_000, "test": 26_000}
_CHUNK = 2_000  # Stacks made at a time.


def prepare(mnist: Mapping[str, Split], directory: Path) -> None:
    """Publishes the cache of stacked MNIST: `train` of MNIST's training images, `test` of its test
    images. A stack's label is its three digits, red first, as a number from 0 to 999."""
    with files.locked(directory.parent / f"{directory.name}.lock", f"prepares {NAME}"):
        files.remove_leftovers(directory.parent, directory.name)
        if directory.exists():
            return
        print(f"Preparing {NAME} in {directory} (once) ...", file=sys.stderr, flush=True)
        parts = (part for split in STACKS for part in _stacks(mnist[split], split))
        cache.write(directory, NAME, parts, [f"{number:03d}" for number in range(1_000)])


def _stacks(digits: Split, split: str) -> Iterator[Part]:
    """Yields stacks of digits that are drawn at random, always alike."""
    number = STACKS[split]
    chosen = np.random.Generator(np.random.Philox(0)).integers(len(digits.images), size=(number, 3))
    for start in range(0, number, _CHUNK):
        part = chosen[start : start + _CHUNK]
        images = digits.images[part][..., 0]  # [N, 3, H, W]
        labels = digits.labels[part] @ np.array([100, 10, 1])
        yield Part(split, np.moveaxis(images, 1, -1), labels)
