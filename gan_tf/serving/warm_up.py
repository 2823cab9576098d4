"""Requests that TensorFlow Serving replays when it loads a version, before it answers any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Inputs = Mapping[str, npt.NDArray[np.generic]]


def write(path: Path, requests: Mapping[str, Inputs]) -> None:
    """Writes a request of each signature, as a TFRecord of PredictionLog messages.

    Args:
      path: the file; TensorFlow Serving looks for it in `assets.extra`.
      requests: the inputs by name, by signature.
    """
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "gan_tf"  # The server takes its own name for it.
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString(deterministic=True))


def first_request(inputs: Sequence[tf.TensorSpec]) -> dict[str, npt.NDArray[np.generic]]:
    """Returns a request of one row of zeros, which every signature can answer."""
    return {spec.name: np.zeros([1, *spec.shape[1:]], spec.dtype.as_numpy_dtype) for spec in inputs}
