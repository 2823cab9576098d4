"""Ranks spoiled images as mnist-v1 and random-v1 do, and says how well the two agree.

Test images of MNIST are blurred, made noisy, or robbed of one to five classes; samples of trained
runs join them. Each set is compared with other test images, by the Fréchet distance of the features
of either judge. mnist-v1 knows digits; random-v1 knows nothing, and is worth as much as it agrees.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host import files
from gan_tf.host.errors import InputError

BLURS = (0.4, 0.6, 0.8, 1.0, 1.5, 2.0)  # Standard deviations of a Gaussian, in pixels.
NOISES = (8, 16, 32, 64, 96)  # Standard deviations of a normal distribution, of 255.
LACKS = (1, 2, 3, 4, 5)  # Classes that are missing, from 0 on.


@dataclass(frozen=True)
class Options:
    """How many images, and whose samples besides."""

    num: int = knob(2_000, "Images of each set, and reals.", unit="images", low=100, high=3_000)
    run_dirs: str | None = knob(
        None, "Runs on MNIST whose samples join.", unit="directories and commas"
    )
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    output: str = knob("runs/judges.md", "The table, as Markdown.", unit="a file")


def main(options: Options) -> str:
    """Judges every set by both; writes the table."""
    run_dirs = [Path(name) for name in options.run_dirs.split(",")] if options.run_dirs else []
    for path in run_dirs:
        if not (path / "export").is_dir():
            raise InputError(f"--run_dirs={path}: must be a run directory with an export")
    from gan_tf.host import process

    process.start_tensorflow()
    import scipy.stats

    from gan_tf.data.dataset import open_dataset
    from gan_tf.evaluation import fidelity, judges

    data = open_dataset("mnist", files.data_directory(options.data_dir))
    names, sets = zip(*spoiled(data.split("test"), options.num), strict=True)
    reals, *others = sets
    sampled = [sample(path, options.num) for path in run_dirs]
    shown = [*names[1:], *(f"samples of {path.name}" for path in run_dirs)]
    columns = []
    for kind in ("auto", "random"):
        judge = judges.find(data, kind)
        print(f"{judge.name} judges {len(shown)} sets ...", file=sys.stderr, flush=True)
        features = judge(reals).features
        columns.append(
            [
                fidelity.frechet_distance(features, judge(images).features)
                for images in (*others, *sampled)
            ]
        )
    agreement = float(scipy.stats.spearmanr(columns[0], columns[1]).statistic)
    text = table(shown, columns, agreement)
    files.write_text(Path(options.output), text)
    return text


def spoiled(test: Any, num: int) -> Iterator[tuple[str, Any]]:
    """Yields names and sets of images, uint8 `[num, H, W, C]`: reals to compare with, as many
    others, and those spoiled in every way."""
    import numpy as np
    import scipy.ndimage

    order = np.random.Generator(np.random.Philox(0)).permutation(len(test.images))
    reals, rest = order[:num], order[num:]  # The rest has enough without any five classes.
    yield "reals", test.images[reals]
    images = test.images[rest[:num]].astype(np.float64)
    yield "real images", images.astype(np.uint8)
    for width in BLURS:
        blurred = scipy.ndimage.gaussian_filter(images, (0, width, width, 0))
        yield (
            f"blurred, {width:g} pixel{'s' if width > 1 else ''}",
            np.rint(blurred).astype(np.uint8),
        )
    for size in NOISES:
        noise = np.random.Generator(np.random.Philox(size)).normal(0.0, size, images.shape)
        yield f"noise of {size}", np.rint(images + noise).clip(0, 255).astype(np.uint8)
    for number in LACKS:
        kept = rest[test.labels[rest] >= number][:num]
        yield f"without {number} of 10 classes", test.images[kept]


def sample(run_dir: Path, num: int) -> Any:
    """Samples of a run's newest export, uint8 `[num, H, W, C]`."""
    from gan_tf.serving import servable
    from gan_tf.training import exports

    return servable.load(exports.find(str(run_dir), None)).sample(num, 0)


def table(names: list[str], columns: list[list[float]], agreement: float) -> str:
    """The distances of each set and the correlation of their ranks, as Markdown."""
    rows = [["test images", "`mnist-v1`", "`random-v1`"]]
    for name, *distances in zip(names, *columns, strict=True):
        rows.append([name, *(f"{distance:.2f}" for distance in distances)])
    rows.append(["Spearman's correlation", "", f"{agreement:.3f}"])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) + "\n"


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
