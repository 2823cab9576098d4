"""The exported generator: a SavedModel that TensorFlow Serving loads, and its description.

    <run_dir>/export/<version>/
        saved_model.pb, variables/, fingerprint.pb
        README.md                   a model card
        assets.extra/gan_tf.json    what is needed to sample from it, and where it came from
        assets.extra/tf_serving_warmup_requests    with the extra `serving`: a request of each kind

Its signatures are those of `gan_tf.serving.signatures`.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf.fingerprint_pb2 import FingerprintDef

from gan_tf.data.pixels import unscale
from gan_tf.game.latents import (
    CODES,
    LATENTS,
    SAMPLING_LABEL_STREAM,
    SAMPLING_STREAM,
    labels_by_share,
    stream_seed,
)
from gan_tf.host import files, process
from gan_tf.host.errors import InputError
from gan_tf.host.progress import shown
from gan_tf.serving import described, warm_up
from gan_tf.serving.formats import CONVERTERS
from gan_tf.serving.signatures import Endpoint

Latents = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]

_METADATA = Path("assets.extra") / "gan_tf.json"
_WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"  # Where TF Serving looks.
_BATCH = 256
_VERSIONS = 2**63 - 1  # A server's version numbers are below it.


def versions(directory: Path) -> list[Path]:
    """Returns the numbered versions below an export directory, oldest first."""
    numbered = [path for path in directory.glob("*") if path.name.isdecimal() and path.is_dir()]
    numbered = [path for path in numbered if int(path.name) < _VERSIONS]
    return sorted(numbered, key=lambda path: int(path.name))


def export(
    endpoints: Mapping[str, Endpoint],
    networks: Mapping[str, keras.Model],
    metadata: dict[str, Any],
    directory: Path,
    formats: Sequence[str] = (),
    card: str = "",
) -> Path:
    """Publishes a SavedModel as the next version below `directory`; returns its path.

    Args:
      endpoints: its signatures, see `signatures`.
      networks: what the signatures compute with, by name.
      metadata: plain values; at least `latents` (a name in LATENTS) and `latent_dim`.
      directory: the parent of the numbered versions.
      formats: names in CONVERTERS; what they give lies in `assets.extra`, too.
      card: what README.md is to say of it; no file if empty.
    """
    process.require_own_compiler()
    with files.locked(directory / ".lock", "exports"):  # Two exports at once are two versions.
        files.remove_leftovers(directory, r"\d+")
        earlier = versions(directory)
        path = directory / str(int(earlier[-1].name) + 1 if earlier else 1)
        with files.published(path) as temporary, files.tensorflow_writing(path):
            _save(networks, endpoints, temporary)
            (temporary / _METADATA).parent.mkdir(exist_ok=True)
            (temporary / _METADATA).write_text(json.dumps(metadata, indent=2), encoding="utf-8")
            if card:
                (temporary / "README.md").write_text(card, encoding="utf-8")
            for name in formats:
                print(f"Converting to {name} ...", file=sys.stderr, flush=True)
                file, convert = CONVERTERS[name]
                convert(temporary, temporary / _METADATA.parent / file)
            if importlib.util.find_spec("tensorflow_serving"):  # The extra `serving`.
                requests = {
                    name: warm_up.first_request(inputs) for name, (_, inputs) in endpoints.items()
                }
                warm_up.write(temporary / _WARM_UP, requests)
    return path


def _save(
    networks: Mapping[str, keras.Model], endpoints: Mapping[str, Endpoint], path: Path
) -> None:
    """Writes the SavedModel: from the same weights, in new processes, the same bytes.

    Keras's ExportArchive numbers the variables in the order of a set, that of their addresses in
    memory. Here they stand in the order of the networks' weights, each once.
    """
    module = tf.Module()
    for name, network in networks.items():
        setattr(module, name, [weight.value for weight in network.weights])
    functions = {
        name: tf.function(function, input_signature=inputs, autograph=False)
        for name, (function, inputs) in endpoints.items()
    }
    tf.saved_model.save(module, str(path), signatures=functions)
    file = path / "fingerprint.pb"
    fingerprint = FingerprintDef.FromString(file.read_bytes())
    # TensorFlow draws it at random; here it follows from the graph and the weights.
    fingerprint.uuid = str(fingerprint.saved_model_checksum << 64 | fingerprint.checkpoint_hash)
    file.write_bytes(fingerprint.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class Servable:
    """A loaded export.

    Attributes:
      path: the SavedModel's directory.
      metadata: what `export` was given.
    """

    path: Path
    metadata: dict[str, Any]
    _signature: Any
    _model: Any  # Keeps the signature's variables alive.

    @property
    def classes(self) -> dict[str, int]:
        """How many training images each class had, by its name, in the order of the labels; empty
        in an unconditional model."""
        return dict(self.metadata.get("classes", {}))

    def generate(self, latents: Latents, labels: Labels | None = None) -> Latents:
        """Returns images `[B, H, W, C]` in [-1, 1] for latents `[B, latent_dim]` and, of a
        conditional model, labels int64 `[B]`; InputError if there are not as many."""
        return np.concatenate(list(self._batches(latents, labels)))

    def _batches(self, latents: Latents, labels: Labels | None) -> Iterator[Latents]:
        process.require_threads()
        if labels is not None and len(labels) != len(latents):
            raise InputError(f"labels: are {len(labels):,}, for {len(latents):,} latents")
        for start in range(0, max(len(latents), 1), _BATCH):
            rows = slice(start, start + _BATCH)
            inputs = {"latents": tf.constant(latents[rows])}
            if labels is not None:
                inputs["labels"] = tf.constant(labels[rows])
            yield self._signature(**inputs)["images"].numpy()

    def sample(self, num: int, seed: int) -> Pixels:
        """Returns `num` images as pixels 0..255; the same seed gives the same images. Those of a
        conditional model are of the classes that `labels` returns."""
        return self.draw(self.latents(num, seed), self.labels(num, seed))

    def draw(self, latents: Latents, labels: Labels | None = None) -> Pixels:
        """Returns what `generate` does, as pixels 0..255, and shows its progress."""
        batches = map(unscale, self._batches(latents, labels))
        first = next(batches)
        pixels = np.empty((len(latents), *first.shape[1:]), np.uint8)
        pixels[: len(first)] = first
        starts = range(_BATCH, len(latents), _BATCH)
        for start, batch in zip(shown(starts, "sampling", len(starts)), batches, strict=True):
            pixels[start : start + len(batch)] = batch
        return pixels

    def latents(self, num: int, seed: int, truncation: float = 1.0) -> Latents:
        """Returns the `num` latents of a seed, `[num, latent_dim]`, float32.

        Args:
          num, seed: how many, and of which seed.
          truncation: from 0, where all are their distribution's mean, to 2; see
            `Distribution.truncated`.

        Raises:
          InputError: the truncation is none.
        """
        process.require_threads()
        if not 0.0 <= truncation <= 2.0:
            raise InputError(f"truncation={truncation}: must be from 0 to 2")
        distribution = described.distribution(self.metadata)
        z = distribution((num, self.metadata["latent_dim"]), stream_seed(seed, SAMPLING_STREAM))
        latents: Latents = distribution.truncated(z, truncation).numpy()
        return latents

    def labels(self, num: int, seed: int) -> Labels | None:
        """Returns the labels, int64 `[num]`, of what `sample` draws: each class has its part of
        the training images. None for an unconditional model."""
        if not self.classes:
            return None
        shares = list(self.classes.values())
        drawn = labels_by_share(num, shares, stream_seed(seed, SAMPLING_LABEL_STREAM))
        labels: Labels = drawn.numpy()
        return labels


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns the description that lies with an export; InputError if there is none."""
    try:
        metadata = files.parse_json((path / _METADATA).read_bytes())
        named = metadata["latents"] in LATENTS and isinstance(metadata["dataset"], str)
        named = named and type(metadata.get("latent_codes", CODES)) is int
        counted = {type(count) for count in metadata.get("classes", {}).values()} <= {int}
        if named and counted and type(metadata["latent_dim"]) is int:
            return dict(metadata)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise InputError(f"{path}: must be a SavedModel that gan_tf exported, such as RUN_DIR/export/1")


def load(path: Path) -> Servable:
    """Loads an export; InputError if `path` holds none or it is damaged."""
    process.require_threads()
    metadata = read_metadata(path)
    try:
        model = tf.saved_model.load(str(path))
        signature = model.signatures["serving_default"]
        inputs = signature.structured_input_signature[1]
        latents, labelled = inputs["latents"], "labels" in inputs
    except Exception as error:  # A damaged SavedModel fails in more ways than can be listed.
        raise InputError(
            f"{path}: the SavedModel was truncated or altered ({type(error).__name__}); export it "
            "anew"
        ) from None
    if latents.shape[1] != metadata["latent_dim"]:
        raise InputError(
            f"{path}: {_METADATA} says latents of size {metadata['latent_dim']}, the SavedModel "
            f"takes {latents.shape[1]}"
        )
    if labelled != bool(metadata.get("classes")):
        raise InputError(
            f"{path}: {_METADATA} names {'no' if labelled else 'some'} classes, the SavedModel "
            f"takes {'' if labelled else 'no '}labels"
        )
    return Servable(path, metadata, signature, model)
