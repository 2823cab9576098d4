"""A SavedModel on the path that TensorFlow Serving takes: a session, no Keras, no functions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Arrays = dict[str, npt.NDArray[Any]]


class Session:
    """A SavedModel loaded into a session, as TensorFlow Serving loads it."""

    def __init__(self, saved_model: Path) -> None:
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            meta = tf.compat.v1.saved_model.loader.load(self._session, ["serve"], str(saved_model))
        self.signatures: Mapping[str, Any] = meta.signature_def

    def __call__(self, signature: str, inputs: Mapping[str, Any]) -> Arrays:
        """Runs a signature; ValueError in words for a request that does not fit it."""
        if signature not in self.signatures:
            raise ValueError(f"Serving signature name: {signature!r} not found")
        wanted = self.signatures[signature]
        if sorted(inputs) != sorted(wanted.inputs):
            raise ValueError(f"inputs must be {sorted(wanted.inputs)}; they are {sorted(inputs)}")
        feed = {
            wanted.inputs[name].name: np.asarray(
                value, tf.as_dtype(wanted.inputs[name].dtype).as_numpy_dtype
            )
            for name, value in inputs.items()
        }
        names = sorted(wanted.outputs)
        found = self._session.run([wanted.outputs[name].name for name in names], feed)
        return dict(zip(names, found, strict=True))
