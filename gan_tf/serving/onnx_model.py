"""A signature of an export as ONNX, by tf2onnx."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from gan_tf.host.errors import InputError

_OPSET = 17  # What runtimes since 2022 understand.


def to_onnx(
    saved_model: Path, output: Path, signature: str = "serving_default", flag: str = "onnx"
) -> None:
    """Writes a signature as ONNX.

    Args:
      saved_model: the SavedModel's directory.
      output: the file.
      signature: which of its signatures.
      flag: what the user asked for, for errors.

    Raises:
      InputError: without the extra `onnx`, or if tf2onnx cannot convert the networks.
    """
    if importlib.util.find_spec("tf2onnx") is None:
        raise InputError(f"--{flag} needs more: pip install 'gan_tf[onnx]'")
    # -P, for a file of the working directory may be called like a package that it imports.
    command = [sys.executable, "-P", "-m", "tf2onnx.convert", "--saved-model", saved_model]
    command += ["--signature_def", signature, "--opset", str(_OPSET), "--output", output]
    finished = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if finished.returncode:
        reason = finished.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise InputError(f"--{flag}: tf2onnx cannot convert these networks: {reason[0]}")
    _settle(output)


def _settle(path: Path) -> None:
    """Numbers an ONNX model's constants and operations in the order of their use, so that the same
    export gives the same bytes: tf2onnx numbers them in the order of addresses in memory, and that
    says, too, which of two equal operations lends its name to both. Also removes the path of this
    machine that tf2onnx read from."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    graph.doc_string = ""
    constants = {constant.name for constant in graph.initializer}
    used = [name for node in graph.node for name in node.input if name in constants]
    names = {name: f"constant_{n:03d}" for n, name in enumerate(dict.fromkeys(used))}
    results = {value.name for value in graph.output}
    for number, node in enumerate(graph.node):
        made = re.search(r"__\d+$", node.name)  # By tf2onnx; other names are TensorFlow's.
        stem = node.op_type if made else re.sub(r"(_\d+)+(?=/|$)", "", node.name)
        node.name = f"{stem}_{number:03d}"
        for place, name in enumerate(node.output):
            if name not in results:
                names[name] = f"{node.name}:{place}"
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]
    for constant in graph.initializer:
        constant.name = names[constant.name]
    graph.initializer.sort(key=lambda constant: constant.name)
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    path.write_bytes(model.SerializeToString(deterministic=True))
