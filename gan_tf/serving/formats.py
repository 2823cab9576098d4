"""The exported generator for other runtimes, and as a page, from the SavedModel itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from gan_tf.host import process
from gan_tf.host.errors import InputError
from gan_tf.serving.onnx_model import to_onnx
from gan_tf.serving.web import to_web

_SIGNATURE = "serving_default"


def to_litert(saved_model: Path, output: Path) -> None:
    """Writes `serving_default` as a LiteRT (TensorFlow Lite) model."""
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=[_SIGNATURE]
    )
    try:
        with tempfile.TemporaryFile() as noise, process.standard_error_to(noise):
            content = converter.convert()
    except Exception as error:  # The converter's own exception has no public name.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"--litert: cannot convert these networks: {lines[0]}") from None
    output.write_bytes(content)


CONVERTERS: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "onnx": ("generator.onnx", to_onnx),
    "litert": ("generator.tflite", to_litert),
    "web": ("web.html", to_web),
}
