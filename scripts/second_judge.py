"""Judges trained generators of digits by a second classifier, beside mnist-v1.

Runs keep their best generator by mnist-v1, and settings were chosen by it. So its figures could be
better than the samples are. The second judge is a network of another kind, which looks at all
pixels at once where mnist-v1 has convolutions, and nothing was ever chosen by it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host import archive, files
from gan_tf.host.errors import InputError
from gan_tf.models import PRETRAINED

EPOCHS, BATCH = 30, 128
SHOWN = (
    "label_accuracy",
    "confident_share",
    "frechet_distance",
    "class_total_variation",
    "precision",
    "recall",
    "coverage",
)


@dataclass(frozen=True)
class Options:
    """Whose samples, how many, and where the second judge is kept."""

    models: str = knob(
        PRETRAINED[0],
        f"Whose samples: runs on MNIST, or {PRETRAINED[0]}, the package's own generator.",
        unit="run directories and commas",
    )
    num: int = knob(10_000, "Samples of each seed.", unit="images", low=100, high=10_000)
    seeds: str = knob("0,1,2", "Latent seeds.", unit="whole numbers and commas")
    epochs: int = knob(
        EPOCHS, "Of the second judge's training, once.", unit="epochs", low=1, high=1_000
    )
    judge: str = knob(
        "runs/second_judge.npz", "The second judge; trained once if it is missing.", unit="a file"
    )
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    output: str = knob("runs/second_judge.md", "The table, as Markdown.", unit="a file")


def main(options: Options) -> str:
    """Judges each model by both judges; writes the table."""
    models = options.models.split(",")
    for name in models:
        if name not in PRETRAINED and not (Path(name) / "export").is_dir():
            raise InputError(
                f"--models={name}: must be a run directory with an export, or {PRETRAINED[0]}"
            )
    if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", options.seeds):
        raise InputError(f"--seeds={options.seeds}: must be whole numbers and commas, as in 0,1,2")
    from gan_tf.host import process

    process.start_tensorflow()
    from gan_tf.data.dataset import open_dataset
    from gan_tf.evaluation import judges, scorecard
    from gan_tf.serving import described
    from gan_tf.training import exports

    data = open_dataset("mnist", files.data_directory(options.data_dir))
    both = [judges.find(data, "auto"), second_judge(Path(options.judge), data, options.epochs)]
    rows = [["generator", "judge", *(f"`{name}`" for name in SHOWN)]]
    cards: list[dict[str, Any]] = []
    for name in models:
        own = name in PRETRAINED
        model = exports.opened(None if own else name, None, name if own else None)
        described.check_shape(model.metadata, model.path, data.description)
        for judge in both:
            print(f"{judge.name} judges {name} ...", file=sys.stderr, flush=True)
            card = scorecard.scorecard(
                sampler(model),
                judge,
                data,
                num=options.num,
                seeds=[int(seed) for seed in options.seeds.split(",")],
                names=list(model.classes),
            )
            rows.append([Path(name).name, said(judge), *figures(card, "value")])
            cards.append(card)
    for judge in both:
        real: dict[str, Any] = {}
        for card in cards:  # Only a model that takes labels has the accuracy of them.
            real = (card if card["classifier"] == judge.name else {}) | real
        rows.append(["real images", said(judge), *figures(real, "floor")])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    text = "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) + "\n"
    files.write_text(Path(options.output), text)
    return text


def sampler(model: Any) -> Callable[[int, int], tuple[Any, Any]]:
    """Returns what draws a number of samples of a seed, and the labels asked for."""
    return lambda num, seed: (model.sample(num, seed), model.labels(num, seed))


def second_judge(path: Path, data: Any, epochs: int) -> Any:
    """Returns the second judge, trained now if it is missing."""
    import keras
    import tensorflow as tf

    from gan_tf.data.pixels import scale
    from gan_tf.evaluation.classifier import Classifier
    from gan_tf.host import building

    with building.drawing_from(1), building.computing_in("float32"):
        keras.utils.set_random_seed(1)
        model = network(data.description.image_shape, data.classes)
        if not path.exists():
            train(model, data, path, epochs)
    arrays, digest = archive.load_digested(path)
    accuracy, size = float(arrays.pop("accuracy")), float(arrays.pop("size"))
    model.set_weights(list(arrays.values()))

    def judge(pixels: Any) -> Any:
        features, probabilities = model(scale(pixels), training=False)
        return features / size, probabilities

    return Classifier("second", digest[:8], accuracy, tf.function(judge, reduce_retracing=True))


def network(image_shape: tuple[int, int, int], classes: int) -> Any:
    """Images `[B, H, W, C]` in [-1, 1] -> features `[B, 64]`, probabilities `[B, classes]`, by
    dense layers alone."""
    import keras

    layers = keras.layers
    images = keras.Input(image_shape)
    hidden = layers.Flatten()(images)
    for width in (1024, 512, 512):
        hidden = layers.BatchNormalization()(layers.Dense(width, use_bias=False)(hidden))
        hidden = layers.Dropout(0.2)(layers.ReLU()(hidden))
    features = layers.Dense(64, "relu")(hidden)
    return keras.Model(images, [features, layers.Dense(classes, "softmax")(features)])


def train(model: Any, data: Any, path: Path, epochs: int) -> None:
    """Trains it on digits that are moved, turned and scaled, and publishes its weights with its
    accuracy on the test images and the root mean square of its features on them."""
    import keras
    import numpy as np

    from gan_tf.data.pixels import scale

    layers, black = keras.layers, {"fill_mode": "constant", "fill_value": -1.0}
    images, labels = data.split("train").images, data.split("train").labels
    moved = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            layers.RandomRotation(0.03, **black),
            layers.RandomTranslation(0.07, 0.07, **black),
            layers.RandomZoom(0.1, 0.1, **black),
            keras.Model(model.inputs, model.outputs[1]),
        ]
    )
    falling = keras.optimizers.schedules.CosineDecay(1e-3, epochs * (-(-len(images) // BATCH)))
    moved.compile(keras.optimizers.Adam(falling), "sparse_categorical_crossentropy")
    print("Training the second judge on mnist (once, minutes) ...", file=sys.stderr, flush=True)
    for epoch in range(epochs):
        history = moved.fit(np.asarray(scale(images)), labels, batch_size=BATCH, verbose=0)
        print(
            f"second judge: epoch {epoch + 1} of {epochs}, loss {history.history['loss'][0]:.3f}",
            file=sys.stderr,
            flush=True,
        )
    test = data.split("test")
    features, probabilities = model.predict(np.asarray(scale(test.images)), verbose=0)
    accuracy = np.mean(probabilities.argmax(axis=1) == test.labels)
    weights = {f"{i:03d}": array for i, array in enumerate(model.get_weights())}
    size = np.sqrt(np.mean(np.square(features)))
    path.parent.mkdir(parents=True, exist_ok=True)
    archive.write(path, {**weights, "accuracy": np.array(accuracy), "size": np.array(size)})


def said(judge: Any) -> str:
    """A judge's name, and how good it is."""
    return f"`{judge.name}` ({100 * judge.accuracy:.2f} %)"


def figures(card: dict[str, Any], of: str) -> list[str]:
    """The figures that are shown, of samples or of reals."""
    from gan_tf.evaluation.figures import FIGURES

    forms = {name: FIGURES[name][0] if name in FIGURES else ".4f" for name in SHOWN}
    values = {name: card.get(name, {}).get(of) for name in SHOWN}
    return ["" if values[n] is None else format(values[n], forms[n]) for n in SHOWN]


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
