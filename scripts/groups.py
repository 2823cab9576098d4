"""Measures the 3x3 convolution of a residual block: dense, and in groups of 32 or of 16 maps.

Each form takes its turn, round after round, and the fastest counts, so that other work on the
machine does little harm. Also says what TensorFlow makes of its own groups.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmark import machine
from etils import epy

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host import process

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    import tensorflow as tf

    from gan_tf.models.layers import convolutions

SIZES = ((28, 32), (14, 64), (7, 128))  # Pixels a side, and maps, of the default `resnet`.
FORMS = ("dense", "groups of 32", "groups of 16")


@dataclass(frozen=True)
class Options:
    """How often, on how many images."""

    rounds: int = knob(20, "Rounds; the fastest counts.", low=1, high=10_000)
    batch_size: int = knob(64, "Images at a time.", unit="images", low=1, high=1_024)


def main(options: Options) -> str:
    """Returns the table, as Markdown."""
    process.start_tensorflow()
    asked = list(itertools.product(SIZES, FORMS))
    calls = {each: _calls(*each, options.batch_size) for each in asked}
    best = dict.fromkeys(itertools.product(asked, (0, 1)), float("inf"))
    for _ in range(options.rounds):
        for each, which in best:
            began = time.perf_counter()
            calls[each][which]()
            best[each, which] = min(best[each, which], time.perf_counter() - began)
    rows = [["images and maps", "form", "forward", "and both gradients"], ["---"] * 4]
    for each in asked:
        (side, maps), form = each
        times = (f"{1_000 * best[each, which]:.1f} ms" for which in (0, 1))
        rows.append([f"{side}x{side}x{maps}", form, *times])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", f"TensorFlow's own groups: {_own()}", machine()])


def _calls(
    size: tuple[int, int], form: str, batch: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """The forward pass of a layer, and that with both gradients, compiled."""
    side, maps = size
    groups = 1 if form == "dense" else max(1, maps // int(form.split()[-1]))
    layer = convolutions.Conv2D(maps, 3, 1, "same", groups=groups)
    layer.build((batch, side, side, maps))
    images = tf.random.stateless_normal([batch, side, side, maps], [0, 0])

    def forward() -> tf.Tensor:
        return layer(images, training=True)

    def backward() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(layer(images, training=True))
        return list(tape.gradient(total, [images, layer.kernel.value]))

    compiled = tf.function(forward, autograph=False), tf.function(backward, autograph=False)
    for each in compiled:
        each()
    return compiled


def _own() -> str:
    """What comes of the gradient of TensorFlow's own convolution in groups."""
    images, kernel = tf.ones([1, 4, 4, 4]), tf.Variable(tf.ones([3, 3, 2, 4]))
    try:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.nn.conv2d(images, kernel, 1, "SAME"))
        tape.gradient(total, kernel)
    except tf.errors.OpError as error:
        return f"no gradient ({type(error).__name__})"
    return "a gradient, too"


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
