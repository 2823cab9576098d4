"""The exported generator for other runtimes: ONNX and LiteRT, from the SavedModel itself."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from gan_tf.host import process
from gan_tf.host.errors import InputError

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
    _settle(output)


def _settle(path: Path) -> None:
    """Names an ONNX model's constants in the order of their use, so that the same export gives the
    same bytes: tf2onnx numbers them in the order of addresses in memory. Also removes the path
    of this machine that tf2onnx read from."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    graph.doc_string = ""
    constants = {constant.name for constant in graph.initializer}
    used = [name for node in graph.node for name in node.input if name in constants]
    names = {name: f"constant_{n:03d}" for n, name in enumerate(dict.fromkeys(used))}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    for constant in graph.initializer:
        constant.name = names[constant.name]
    graph.initializer.sort(key=lambda constant: constant.name)
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    path.write_bytes(model.SerializeToString(deterministic=True))


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
}
