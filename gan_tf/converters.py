"""The exported generator for other runtimes: ONNX and LiteRT, from the SavedModel itself."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from gan_tf import devices
from gan_tf.errors import InputError

_SIGNATURE = "serving_default"
_OPSET = 17  # What runtimes since 2022 understand.


def to_onnx(saved_model: Path, output: Path) -> None:
    """Writes `serving_default` as ONNX; InputError without the extra `onnx`."""
    if importlib.util.find_spec("tf2onnx") is None:
        raise InputError("--onnx needs more: pip install 'gan_tf[onnx]'")
    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", saved_model]
    command += ["--signature_def", _SIGNATURE, "--opset", str(_OPSET), "--output", output]
    finished = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if finished.returncode:
        reason = finished.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise InputError(f"--onnx: tf2onnx cannot convert these networks: {reason[0]}")


def to_litert(saved_model: Path, output: Path) -> None:
    """Writes `serving_default` as a LiteRT (TensorFlow Lite) model."""
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=[_SIGNATURE]
    )
    try:
        with tempfile.TemporaryFile() as noise, devices.standard_error_to(noise):
            content = converter.convert()
    except Exception as error:  # The converter's own exception has no public name.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"--litert: cannot convert these networks: {lines[0]}") from None
    output.write_bytes(content)


CONVERTERS: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "onnx": ("generator.onnx", to_onnx),
    "litert": ("generator.tflite", to_litert),
}
