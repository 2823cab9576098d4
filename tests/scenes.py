"""How bad input is brought about: files made, cut short and altered in a directory."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_tf.data import cache
from gan_tf.data.cache import Part
from gan_tf.host import archive, files

from .processes import ROOT

# The cadences of the run that scenes are made of.
TRAINED = (
    *("--log_every=10", "--sample_every=50", "--checkpoint_every=40", "--keep_checkpoints=2"),
)


@dataclass(frozen=True)
class Scene:
    """Where a bad input is met.

    Attributes:
      place: the directory in which the command is run.
      trained: a finished run, of which `run` puts a copy there.
      data_dir: where MNIST is prepared.
    """

    place: Path
    trained: Path
    data_dir: Path

    def write(self, name: str, content: str | bytes) -> None:
        """Writes a file."""
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # It may be a link to what is not ours to change.
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


Make = Callable[[Scene], object]


def text(name: str, content: str | bytes) -> Make:
    """Writes a file."""
    return lambda scene: scene.write(name, content)


def directory(name: str) -> Make:
    """Makes a directory."""
    return lambda scene: (scene.place / name).mkdir()


def link(name: str, target: str) -> Make:
    """Makes a symbolic link."""
    return lambda scene: (scene.place / name).symlink_to(target)


def removed(name: str) -> Make:
    """Removes a file or a directory."""

    def make(scene: Scene) -> None:
        path = scene.place / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return make


def alter(pattern: str, change: Callable[[bytes], bytes]) -> Make:
    """Changes the content of files."""

    def make(scene: Scene) -> None:
        for path in sorted(scene.place.glob(pattern)):
            scene.write(str(path.relative_to(scene.place)), change(path.read_bytes()))

    return make


def cut(pattern: str, keep: float = 0.5) -> Make:
    """Cuts files short."""
    return alter(pattern, lambda content: content[: int(keep * len(content))])


def run(scene: Scene) -> None:
    """Puts a finished run into `run`, and the flags that resume it into a file."""
    shutil.copytree(scene.trained, scene.place / "run", copy_function=os.link)
    # As a link, another test's copy would hold it, too.
    (scene.place / "run" / "run.lock").unlink(missing_ok=True)
    scene.write("resume.flags", "\n".join(TRAINED))


def on_run(damage: Make) -> Make:
    """Puts a finished run into `run` and damages it, or what lies beside it."""

    def make(scene: Scene) -> None:
        run(scene)
        damage(scene)

    return make


def config(**values: Any) -> Make:
    """Puts a finished run into `run`, values in its configuration changed by hand."""

    def change(content: bytes) -> bytes:
        config = json.loads(content)
        config["config"] |= values
        return json.dumps(config).encode()

    return on_run(alter("run/config.json", change))


def arrays(change: Callable[[dict[str, Any]], object]) -> Make:
    """Puts a finished run into `run`, the arrays of every checkpoint changed and their digests
    right."""

    def damage(scene: Scene) -> None:
        for path in [
            *(scene.place / "run" / "checkpoints").iterdir(),
            scene.place / "run/best.npz",
        ]:
            if path.exists():
                arrays: dict[str, Any] = archive.load(path)
                change(arrays)
                path.unlink()
                archive.write(path, arrays)

    return on_run(damage)


def last_line(change: Callable[[bytes], bytes]) -> Make:
    """Puts a finished run into `run`, the last line of its metrics changed."""

    def change_last(content: bytes) -> bytes:
        *others, last = content.splitlines(keepends=True)
        return b"".join([*others, change(last)])

    return on_run(alter("run/metrics.jsonl", change_last))


def other_latents(content: bytes) -> bytes:
    """An export's description, of latents that it does not take."""
    return json.dumps(json.loads(content) | {"latent_dim": 7}).encode()


def digits(content: bytes) -> bytes:
    """An export's description, of a generator that draws ten digits on request."""
    classes = dict.fromkeys("0123456789", 100)
    return json.dumps(json.loads(content) | {"classes": classes}).encode()


def dataset_of(directory: Path, name: str, **arrays: np.ndarray) -> None:
    """Prepares a dataset in a data directory from `train_images`, `train_labels`, `test_...`."""
    parts = [
        Part(split, arrays[f"{split}_images"], arrays[f"{split}_labels"])
        for split in ("train", "test")
    ]
    cache.write(directory / "gan_tf" / name, name, parts)


def cached(damage: Make | None = None, **arrays: np.ndarray) -> Make:
    """Prepares a dataset `mine` in `data` from arrays, the first of MNIST's own by default."""

    def make(scene: Scene) -> None:
        directory = scene.place / "data" / "gan_tf" / "mine"
        directory.mkdir(parents=True)
        for path in (scene.data_dir / "gan_tf" / "mnist").glob("*.npy"):
            array = arrays.get(path.stem.replace("-", "_"), np.load(path)[:200])
            np.save(directory / path.name, array)
        digests = {path.name: files.sha256(path) for path in directory.iterdir()}
        states = {path.name: cache.state(path) for path in directory.iterdir()}
        about = {"sha256": digests, "states": states}
        scene.write("data/gan_tf/mine/cache.json", json.dumps(about))
        if damage:
            damage(scene)

    return make


def images(change: Callable[[np.ndarray], np.ndarray]) -> Make:
    """Prepares a dataset `mine` from MNIST's first images, the training ones changed."""

    def make(scene: Scene) -> None:
        path = scene.data_dir / "gan_tf" / "mnist" / "train-images.npy"
        cached(train_images=change(np.load(path)[:200]))(scene)

    return make


def originals(change: Callable[[bytes], bytes]) -> Make:
    """Puts MNIST's own files into `files`, one of them changed."""

    def make(scene: Scene) -> None:
        shutil.copytree(ROOT / "gan_tf" / "data" / "mnist", scene.place / "files")
        alter("files/train-images-idx3-ubyte.gz", change)(scene)

    return make


def picture(number: int) -> bytes:
    """A PNG of 32x32 RGB pixels, another one for each number."""
    pixels = np.random.Generator(np.random.Philox(number)).integers(0, 256, (32, 32, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def photos(*names: str, damage: Make | None = None) -> Make:
    """Puts pictures of these names, or `0.png` to `9.png`, into `photos`."""

    def make(scene: Scene) -> None:
        for number, name in enumerate(names or [f"{i}.png" for i in range(10)]):
            scene.write(f"photos/{name}", picture(number))
        if damage:
            damage(scene)

    return make


def saved(name: str, array: np.ndarray) -> Make:
    """Writes an array as NumPy does."""

    def make(scene: Scene) -> None:
        file = io.BytesIO()
        np.save(file, array, allow_pickle=True)
        scene.write(name, file.getvalue())

    return make


def something_else(scene: Scene) -> None:
    """A SavedModel that is no generator."""
    import tensorflow as tf

    module = tf.Module()
    module.add = tf.function(lambda x: x + 1.0, [tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(scene.place / "other"))
