"""Ask TensorFlow Serving for images of an exported generator, by REST or gRPC.

The image of a seed is always the same. Example:
python -m gan_tf.client --seeds=0,1,2 --output=three.png
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host.errors import InputError

_ROWS = 64  # What scripts/serving/batching.config allows a request.


@dataclass(frozen=True)
class Options:
    """Whom to ask for what."""

    url: str = knob(
        "http://localhost:8501",
        "The server; http:// is REST (port 8501), grpc:// is gRPC (port 8500), which needs the "
        "extra serving.",
        unit="an address such as grpc://localhost:8500",
    )
    model: str = knob("gan_tf", "The model's name there.")
    version: int | None = knob(
        None, "Version of the model; the newest that is served by default.", low=1, high=2**31 - 1
    )
    seeds: str = knob("0", "Seeds of the images.", unit="whole numbers and commas, as in 0,1,2")
    output: str = knob(
        "served.png", "Where the images go, as a grid.", unit="a path that ends in .png"
    )
    timeout: float = knob(30.0, "Seconds to wait for the answer.", low=0.1, high=3600.0)


def main(options: Options) -> str:
    """Writes the images and says where."""
    scheme, _, address = options.url.partition("://")
    if scheme not in ("http", "https", "grpc") or not address:
        raise InputError(f"--url={options.url}: must begin with http://, https:// or grpc://")
    if not re.fullmatch(r"-?\d{1,18}(,-?\d{1,18})*", options.seeds):
        raise InputError(f"--seeds={options.seeds}: must be whole numbers and commas, as in 0,1,2")
    from gan_tf.host.files import user_path

    output = user_path("output", options.output)
    if output.suffix != ".png":
        raise InputError(f"--output={output}: must be a path that ends in .png")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    ask = _grpc if scheme == "grpc" else _rest
    found: list[bytes] = []
    for start in range(0, len(seeds), _ROWS):
        found += ask(options, address, seeds[start : start + _ROWS])
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    from gan_tf.report import pictures

    try:
        images = np.stack([np.asarray(Image.open(io.BytesIO(png))) for png in found])
    except (UnidentifiedImageError, ValueError):
        raise InputError(f"--url={options.url}: {options.model} answered no pictures") from None
    pictures.write_grid(output, images.reshape(*images.shape[:3], -1))
    return str(output)


def _rest(options: Options, address: str, seeds: Sequence[int]) -> list[bytes]:
    """The PNG of each seed, by TensorFlow Serving's REST interface."""
    import requests
    import urllib3

    version = f"/versions/{options.version}" if options.version else ""
    url = f"{options.url.rstrip('/')}/v1/models/{options.model}{version}:predict"
    content = {"signature_name": "generate_png", "instances": [{"seeds": seed} for seed in seeds]}
    try:
        answer = requests.post(url, json=content, timeout=options.timeout)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise InputError(f"--url={options.url}: no answer ({type(error).__name__})") from None
    try:
        found = answer.json()
        if isinstance(found, dict) and "error" in found:
            raise InputError(f"{url}: {found['error']}")
        pngs = [base64.b64decode(each["b64"], validate=True) for each in found["predictions"]]
    except (LookupError, TypeError, binascii.Error, requests.JSONDecodeError):
        pngs = []
    if len(pngs) != len(seeds):
        raise InputError(f"{url}: answered HTTP {answer.status_code}, and not a picture a seed")
    return pngs


def _grpc(options: Options, address: str, seeds: Sequence[int]) -> list[bytes]:
    """The PNG of each seed, by TensorFlow Serving's gRPC interface."""
    from gan_tf.host import process

    process.start_tensorflow()
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    except ImportError:
        raise InputError("grpc:// needs more: pip install 'gan_tf[serving]'") from None
    import grpc
    import tensorflow as tf

    request = predict_pb2.PredictRequest()
    request.model_spec.name = options.model
    request.model_spec.signature_name = "generate_png"
    if options.version:
        request.model_spec.version.value = options.version
    request.inputs["seeds"].CopyFrom(tf.make_tensor_proto(seeds, tf.int64))
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            answer = stub.Predict(request, timeout=options.timeout)
        except grpc.RpcError as error:
            raise InputError(
                f"--url={options.url}: {error.code().name}: {error.details()}"
            ) from None
    pngs = list(answer.outputs["png_bytes"].string_val)
    if len(pngs) != len(seeds):
        raise InputError(f"--url={options.url}: {options.model} answered not a picture a seed")
    return pngs


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, str(__doc__)))
