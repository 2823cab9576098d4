"""What a run says before its first step: what is trained on what, at what cost, who judges it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gan_tf.config import Config
from gan_tf.config.following import Followed
from gan_tf.data.dataset import Dataset
from gan_tf.data.images.sources import shown
from gan_tf.evaluation.judging import Evaluation
from gan_tf.evaluation.reals import lack
from gan_tf.host import devices, files
from gan_tf.host.listing import some
from gan_tf.training import build, warm_start
from gan_tf.training.attempt import Attempt


def lines(
    config: Config,
    attempt: Attempt,
    data: Dataset,
    judge: Evaluation | None,
    followed: Mapping[str, Followed],
) -> Iterator[str]:
    """Yields the lines.

    Args:
      config: the configuration.
      attempt: what is about to train.
      data: what it trains on.
      judge: what judges the generator in training; None if nothing does.
      followed: what of the configuration the data decided.
    """
    total, images = attempt.schedule.total, attempt.images
    yield (
        f"{config.arch} on {data.name}: {images:,} images, {total:,} steps of "
        f"{config.batch_size} images ({build.epochs(config, total, images):.3g} epochs)"
    )
    if config.init_from and not attempt.step:
        source = files.seen_from_here(Path(config.init_from))
        yield f"begins with the networks of {source}"
        yield from warm_start.unlike(config, [*data.description.classes])
    for name, each in followed.items():
        if not each.usual and not (name == "epochs" and config.steps):
            value = f"{each.value:g}" if isinstance(each.value, float | int) else each.value
            yield f"--{name}={value}: {each.reason}"
    if bare := [shown(name) for name, number in data.description.classes.items() if not number]:
        yield (
            f"warning: no training image is of the class {some(bare)}, so what the generator draws "
            "for it means nothing"
        )
    yield str(attempt.cost)
    compiled = ", compiled by XLA" if attempt.loop.compiled else ""
    yield f"device: {devices.description()}, {config.precision}{compiled}"
    if config.precision == "bfloat16" and devices.faster_precision() == "float32":
        yield "warning: in bfloat16 it is slower than in float32, and coarser"
    if attempt.streams:
        size = data.split("train").images.nbytes / 2**30
        yield f"images: {size:.3g} GiB, streamed from {data.directory}"
    if judge:
        reals = "" if judge.against == "test" else f" against {judge.reals:,} training images"
        yield (
            f"evaluation: {judge.samples:,} samples every {config.evaluate_every:,} steps{reals}, "
            f"judged by {judge.classifier.name}"
        )
    elif config.evaluate_every and config.generator_steps:
        yield f"evaluation: none, so the last average is what is exported; {lack(data)}"
    resumed = f", resumed at step {attempt.step:,}" if attempt.step else ""
    yield f"run directory: {config.run_dir}{resumed}"
