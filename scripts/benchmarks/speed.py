"""Images a second, of training and of sampling, on the networks of TensorFlow's tutorial, and of
training on larger images."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import keras
import numpy as np
import tensorflow as tf

from benchmarks import keras_loop
from benchmarks.figures import (
    MNIST_SHAPE,
    Command,
    Figure,
    Measure,
    alternate,
    gan_tf,
    last_line,
    plain_loop,
    ratio,
    say,
)
from gan_tf.data import cache
from gan_tf.game import latents
from gan_tf.host.devices import faster_precision
from gan_tf.models import ARCHITECTURES
from gan_tf.serving import servable
from gan_tf.training.costs import multiplications

_HERE = Path(__file__).parent
_FORMS = [
    (precision, layout, mode)
    for precision in ("float32", "bfloat16")
    for layout, mode in (
        ("contiguous", "eager"), ("channels_last", "eager"), ("channels_last", "compiled")
    )
]  # fmt: skip
_SAMPLES = 10_000
# Steps of `dcgan` that a plain loop can do, too.
_PLAIN_STEPS = ["--dataset=noise", "--update=simultaneous", "--r1_gamma=0", "--augment=none"]


def training(
    place: Path, data_dir: Path, torch: Path | None, rounds: int, seconds: float
) -> list[Figure]:
    """Training steps at batch 256, the package against plain loops.

    Args:
      place: where runs may lie.
      data_dir: where the dataset is prepared.
      torch: a Python that has PyTorch, if there is one.
      rounds: how often the sides take turns.
      seconds: about how long each measures.
    """
    reals = cache.directory("mnist", data_dir) / "train-images.npy"

    sides: dict[str, Measure] = {
        f"gan_tf, {precision}": functools.partial(train, place, data_dir, precision, seconds)
        for precision in dict.fromkeys([faster_precision(), "float32"])
    }
    loops, targets = others("tutorial loop", "tutorial", reals, torch, ">= 1.6", seconds)
    figures = compared("training", sides | loops, targets, rounds)
    return figures + roofline("roofline", "tensorflow_tutorial", (100, MNIST_SHAPE), figures[0])


def others(
    name: str, recipe: str, reals: Path, torch: Path | None, wanted: str, seconds: float
) -> tuple[dict[str, Measure], dict[str, str]]:
    """The loops that the package is measured against, and what is wanted of it by each name; of
    PyTorch `wanted`."""
    sides, targets = plain_loops(name, recipe, reals, seconds), {name: ">= 1.8"}
    if torch:
        form, measure = fastest_form(torch, "train", recipe, seconds)
        sides[form], targets[form] = measure, wanted
    return sides, targets


def plain_loops(name: str, recipe: str, reals: Path, seconds: float) -> dict[str, Measure]:
    """The plain Keras loop in float32, and in a form of it that should be faster here."""

    def measure(command: Command) -> float:
        return float(last_line([*command, "--marks", f"{seconds:g}"])["images_per_second"])

    if faster_precision() == "bfloat16":
        faster = f"{name}, mixed_bfloat16"
        command = [*plain_loop(recipe, reals), "--precision", "mixed_bfloat16"]
    else:
        faster = f"{name}, TF_ENABLE_ONEDNN_OPTS=1"
        command = [*plain_loop(recipe, reals, told=True)]
    return {
        name: functools.partial(measure, plain_loop(recipe, reals)),
        faster: functools.partial(measure, command),
    }


def compared(
    part: str, sides: Mapping[str, Measure], targets: Mapping[str, str], rounds: int
) -> list[Figure]:
    """Images a second of each side, and how many times those of the others the first one's are."""
    found = alternate(sides, rounds)
    figures = [
        Figure(part, name, median(values), "images/s", rounds=values)
        for name, values in found.items()
    ]
    first, *others = sides
    for name in others:
        if not name.startswith("gan_tf"):
            value, each = ratio(found, first, name)
            figures.append(
                Figure(part, f"gan_tf : {name}", value, "times", targets.get(name, ""), each)
            )
    return figures


def train(place: Path, data_dir: Path, precision: str, seconds: float, every: int = 25) -> float:
    """Images a second of a real run between its first line and its last, all that a line costs
    included; without grids, checkpoints, evaluations and an export.

    It logs `every` so many steps, by default as often as the preset does.
    """
    flags = ["--preset=tensorflow_tutorial", f"--precision={precision}", f"--data_dir={data_dir}"]
    return 256 * steps_per_second(place, flags, lines_in(seconds), every)


def images(place: Path, torch: Path | None, rounds: int, seconds: float) -> list[Figure]:
    """Training steps on images of 64x64x3 at batch 64, the package against plain loops of the same
    networks and updates. The package logs as often as it does by default."""
    data_dir = noise(place)
    flags = [f"--data_dir={data_dir}", *_PLAIN_STEPS]
    reals = cache.directory("noise", data_dir) / "train-images.npy"
    sides: dict[str, Measure] = {
        f"gan_tf, {faster_precision()}": lambda: 64 * steps_per_second(place, flags, 3, 100)
    }
    loops, targets = others("plain loop", "colour", reals, torch, ">= 1.5", seconds)
    figures = compared("64x64x3", sides | loops, targets, rounds)
    return figures + roofline("64x64x3", "dcgan", (64, keras_loop.COLOUR_SHAPE), figures[0])


def streaming(place: Path, rounds: int) -> list[Figure]:
    """The steps of the part `images`, on 20,000 images that are streamed, against as many that are
    resident."""
    flags = [f"--data_dir={noise(place / 'many', 20_000)}", *_PLAIN_STEPS]

    def side(placement: str) -> float:
        return 64 * steps_per_second(place, [*flags, f"--placement={placement}"], 5, 50)

    resident, streamed = "resident", "streamed"
    found = alternate(
        {each: functools.partial(side, each) for each in (resident, streamed)}, rounds
    )
    value, each = ratio(found, streamed, resident)
    part = "64x64x3, 20,000 images"
    return [
        *(Figure(part, name, median(found[name]), "images/s", "", found[name]) for name in found),
        Figure(part, "streamed : resident", value, "times", ">= 0.98", each),
    ]


def noise(place: Path, number: int = 600) -> Path:
    """Returns a data directory with a dataset called `noise`: so many images of 64x64x3 to train
    on, and at most 600 held out."""
    rng, shape = np.random.default_rng(0), (number, *keras_loop.COLOUR_SHAPE)
    images, labels = rng.integers(0, 256, shape, np.uint8), np.zeros(number, np.int64)
    parts = [
        cache.Part("train", images, labels),
        cache.Part("test", images[:600], labels[:600]),
    ]
    cache.write(cache.directory("noise", place / "images"), "noise", parts)
    return place / "images"


def lines_in(seconds: float) -> int:
    """How many lines a run should log, at about one in five seconds."""
    return 2 + max(1, round(seconds / 5))


def steps_per_second(
    place: Path,
    flags: Sequence[str],
    lines: int,
    every: int,
    surroundings: Mapping[str, str] | None = None,
) -> float:
    """Steps a second of a real run between the first of so many lines and the last but one."""
    run_dir = place / f"training-{time.monotonic_ns()}"
    gan_tf(
        "train",
        *flags,
        f"--run_dir={run_dir}",
        f"--steps={lines * every}",
        f"--log_every={every}",
        "--evaluate_every=0",
        "--sample_every=100000",
        "--checkpoint_every=100000",
        "--export=none",
        surroundings=surroundings,
    )
    text = (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    first, *_, last = (json.loads(line) for line in text[:-1])  # The last line also draws D on all.
    return float((last["step"] - first["step"]) / (last["seconds"] - first["seconds"]))


def fastest_form(torch: Path, task: str, recipe: str, seconds: float) -> tuple[str, Measure]:
    """The fastest form of the PyTorch loop here: its name, and how to measure it."""
    rates = {}
    for form in _FORMS:
        command: Command = [torch, _HERE / "torch_loop.py", task, recipe, *form]
        try:
            rates[form] = last_line([*command, f"{seconds / 3:g}"])["images_per_second"]
        except RuntimeError as error:
            say(f"PyTorch {', '.join(form)}: {str(error).splitlines()[-1]}")
            continue
        say(f"PyTorch {', '.join(form)}: {rates[form]:,.0f} images/s")
    best = max(rates, key=lambda form: rates[form])
    timed: Command = [torch, _HERE / "torch_loop.py", task, recipe, *best, f"{seconds:g}"]
    return (
        f"PyTorch, {', '.join(best)}",
        lambda: float(last_line(timed)["images_per_second"]),
    )


def operations(arch: str, latent_dim: int, image_shape: tuple[int, int, int]) -> float:
    """Floating-point operations of one training step an image: two a multiplication.

    A layer costs as much in its forward pass as in each of its two gradients. G has all three;
    D has them for a real and for a fake, where one of its gradients serves both players.
    """
    networks = ARCHITECTURES[arch]
    generator = networks.generator(latent_dim, image_shape)
    discriminator = networks.discriminator(image_shape)
    return 3.0 * forward(generator) + 6.0 * forward(discriminator)


def forward(network: keras.Model) -> float:
    """Operations of a forward pass an image."""
    return 2.0 * multiplications(network)


def roofline(
    part: str, arch: str, shapes: tuple[int, tuple[int, int, int]], speed: Figure
) -> list[Figure]:
    """The rate that a speed means, and its share of a large matrix product's on the same cores."""
    work = operations(arch, *shapes)
    reached = work * speed.value / 1e9
    figures = [
        Figure(part, "operations an image", work / 1e9, "GFLOP"),
        Figure(part, "rate reached by gan_tf", reached, "GFLOP/s"),
    ]
    for name, dtype in (("float32", tf.float32), ("bfloat16", tf.bfloat16)):
        rate = matrix_rate(dtype)
        figures.append(Figure(part, f"large matrix product, {name}", rate, "GFLOP/s"))
        figures.append(Figure(part, f"share of it, {name}", 100.0 * reached / rate, "%"))
    return figures


def matrix_rate(dtype: tf.DType, size: int = 4_096) -> float:
    """GFLOP/s of a square matrix product; the best of five."""
    a = tf.cast(tf.random.stateless_normal([size, size], [0, 0]), dtype)
    multiply = tf.function(lambda x: tf.matmul(x, x)[0, 0])
    multiply(a)
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        multiply(a).numpy()
        best = max(best, 2.0 * size**3 / (time.perf_counter() - start))
    return best / 1e9


def sampling(
    place: Path, data_dir: Path, torch: Path | None, rounds: int, seconds: float
) -> list[Figure]:
    """10,000 images from the SavedModel of the tutorial's generator; see `training`."""
    run_dir = place / "sampling"
    gan_tf(
        "train",
        "--preset=tensorflow_tutorial",
        f"--run_dir={run_dir}",
        f"--data_dir={data_dir}",
        "--steps=1",
        "--evaluate_every=0",
        "--export=none",
    )
    sides: dict[str, Measure] = {}
    for precision in ("float32", "bfloat16"):
        output = place / f"export-{precision}"
        gan_tf("export", f"--run_dir={run_dir}", f"--precision={precision}", f"--output={output}")
        sides[f"SavedModel, {precision}"] = _sampler(output / "1")
    targets = {}
    if torch:
        command: Command = [torch, _HERE / "torch_loop.py", "sample", "tutorial"]

        def eager(precision: str) -> Measure:
            form: Command = [*command, precision, "contiguous", "eager", f"{seconds:g}"]
            return lambda: float(last_line(form)["images_per_second"])

        sides |= {f"PyTorch eager, {each}": eager(each) for each in ("float32", "bfloat16")}
        targets = {"float32": ">= 1.2", "bfloat16": ">= 1"}
    part = "sampling"
    found = alternate(sides, rounds)
    figures = [
        Figure(part, name, median(values), "images/s", rounds=values)
        for name, values in found.items()
    ]
    for each, target in targets.items():
        value, rates = ratio(found, f"SavedModel, {each}", f"PyTorch eager, {each}")
        figures.append(
            Figure(part, f"gan_tf : PyTorch eager, {each}", value, "times", target, rates)
        )
    return figures


def _sampler(path: Path) -> Measure:
    loaded = servable.load(path)
    z = latents.standard_normal((_SAMPLES, 100), tf.constant([0, 0], tf.int64)).numpy()
    loaded.generate(z[:512])

    def measure() -> float:
        start = time.perf_counter()
        loaded.generate(z)
        return _SAMPLES / (time.perf_counter() - start)

    return measure
