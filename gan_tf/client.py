"""Ask TensorFlow Serving for images of an exported generator, by REST or gRPC.

The image of a seed is always the same. Example:
python -m gan_tf.client --seeds=0,1,2 --output=three.png
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host.errors import InputError

if TYPE_CHECKING:
    from gan_tf.report.pictures import Pixels

_ROWS = 64  # What scripts/serving/batching.config allows a request.
_HERE = ("localhost", "127.0.0.1", "::1")  # No proxy of the environment's can lead there.

# No more than this is taken in, whatever a server sends: 64 pictures of 512x512 pixels fit, in
# RGBA, in base64 and however badly they compress.
_BYTES = 96 * 2**20  # Of an answer.
_PIXELS = 64 * 512 * 512  # Of all pictures together.

# From seeds, and the seconds that are left, to the PNG of each. Raises InputError, in which main()
# names the server, or TimeoutError.
_Ask = Callable[[Sequence[int], float], list[bytes]]


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
    timeout: float = knob(
        30.0, "Seconds for the whole answer, all requests together.", low=0.1, high=3600.0
    )


def main(options: Options) -> str:
    """Writes the images and says where.

    Raises:
      InputError: a flag or an answer cannot be used; nothing was written.
    """
    address, seeds = _address(options.url), _seeds(options.seeds)
    from gan_tf.host.files import user_path

    output = user_path("output", options.output)
    if output.suffix.lower() != ".png":
        raise InputError(f"--output={output}: must be a path that ends in .png")
    if output.is_dir():
        raise InputError(f"--output={output}: is a directory; it must be a file")
    ask = (_grpc if address.scheme == "grpc" else _rest)(options, address)
    from gan_tf.report import pictures

    try:
        images = _images(ask, seeds, time.monotonic() + options.timeout)
    except TimeoutError:
        late = f"no whole answer within {options.timeout:g} s; --timeout can give it longer"
        raise InputError(f"--url={options.url}: {late}") from None
    except InputError as error:
        raise InputError(f"--url={options.url}: {str(error)[:500]}") from None
    pictures.write_grid(output, images)
    return str(output)


def _address(url: str) -> SplitResult:
    """The parts of --url."""
    with contextlib.suppress(ValueError):  # The port is no number, for example.
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "grpc") and parts.hostname and parts.port != 0:
            return parts
    raise InputError(
        f"--url={url}: must be http://HOST:PORT, https://HOST:PORT or grpc://HOST:PORT"
    )


def _seeds(text: str) -> list[int]:
    """The numbers of --seeds, each an int64."""
    whole = re.fullmatch(r"-?[0-9]{1,19}(,-?[0-9]{1,19})*", text)
    found = [int(seed) for seed in text.split(",")] if whole else []
    if not found or min(found) < -(2**63) or max(found) >= 2**63:
        raise InputError(
            f"--seeds={text}: must be whole numbers from -2^63 to 2^63 - 1 and commas, as in 0,1,2"
        )
    return found


def _images(ask: _Ask, seeds: Sequence[int], end: float) -> Pixels:
    """The images of the seeds, uint8 [N, H, W, C]; `end` is a time of time.monotonic()."""
    import numpy as np

    from gan_tf.report import pictures

    images: list[Pixels] = []
    for start in range(0, len(seeds), _ROWS):
        some = seeds[start : start + _ROWS]
        pngs = ask(some, end - time.monotonic())
        if len(pngs) != len(some):
            raise InputError(f"answered {len(pngs)} pictures for {len(some)} seeds")
        images += [pictures.read_png(png, _PIXELS // len(seeds)) for png in pngs]
    if len({image.shape for image in images}) > 1:
        raise InputError("answered pictures of more than one size, which make no grid")
    return np.stack(images)


def _rest(options: Options, address: SplitResult) -> _Ask:
    """Asks by TensorFlow Serving's REST interface."""
    import requests

    version = f"/versions/{options.version}" if options.version else ""
    url = f"{options.url.rstrip('/')}/v1/models/{options.model}{version}:predict"
    proxies = {"no_proxy": str(address.hostname)} if address.hostname in _HERE else None

    def ask(seeds: Sequence[int], seconds: float) -> list[bytes]:
        rows = [{"seeds": seed} for seed in seeds]

        def post() -> tuple[int, bytes]:
            with requests.post(
                url,
                json={"signature_name": "generate_png", "instances": rows},
                headers={"Accept-Encoding": "identity"},  # Few bytes must not unpack to many.
                timeout=options.timeout + 1,  # Later than _within; it ends the thread.
                proxies=proxies,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return answer.status_code, answer.raw.read(_BYTES + 1, decode_content=False)

        try:
            status, body = _within(seconds, post)
        except TimeoutError:
            raise
        except Exception as error:  # Those of requests, urllib3 and Python share no base.
            reason = type(error).__name__
            raise InputError(f"no answer ({reason}); is TensorFlow Serving there?") from None
        return _pngs(status, body)

    return ask


def _within(seconds: float, post: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    """What `post` returns or raises, or TimeoutError.

    A socket has a limit for each read only, which a server that drips never meets.
    """
    outcome: Future[tuple[int, bytes]] = Future()

    def run() -> None:
        try:
            outcome.set_result(post())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()  # A daemon does not keep a process alive.
    return outcome.result(seconds)


def _pngs(status: int, body: bytes) -> list[bytes]:
    """What an answer by REST has for pictures."""
    if len(body) > _BYTES:
        raise InputError(f"answered more than {_BYTES >> 20} MiB; ask for fewer seeds at a time")
    try:
        found = json.loads(body)
        if status == 200:
            return [base64.b64decode(each["b64"], validate=True) for each in found["predictions"]]
        reason = str(found["error"])
    except (LookupError, TypeError, ValueError, RecursionError):
        reason = f"answered HTTP {status}, but not as TensorFlow Serving, whose REST port is 8501"
    raise InputError(reason)


def _grpc(options: Options, address: SplitResult) -> _Ask:
    """Asks by TensorFlow Serving's gRPC interface."""
    from gan_tf.host import process

    process.start_tensorflow()
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    except ImportError:
        raise InputError("grpc:// needs more: pip install 'gan_tf[serving]'") from None
    import grpc
    import tensorflow as tf

    limits = [
        ("grpc.max_receive_message_length", _BYTES),
        ("grpc.enable_http_proxy", int(address.hostname not in _HERE)),
    ]

    def ask(seeds: Sequence[int], seconds: float) -> list[bytes]:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = options.model
        request.model_spec.signature_name = "generate_png"
        if options.version:
            request.model_spec.version.value = options.version
        request.inputs["seeds"].CopyFrom(tf.make_tensor_proto(seeds, tf.int64))
        with grpc.insecure_channel(address.netloc + address.path, limits) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            try:
                answer = stub.Predict(request, timeout=seconds)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise TimeoutError from None
                raise InputError(f"{error.code().name}: {error.details()}") from None
        return list(answer.outputs["png_bytes"].string_val)

    return ask


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, str(__doc__)))
