"""TensorFlow Serving, asked by REST or gRPC. Neither TensorFlow nor Keras is needed for REST."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import SplitResult, quote

from gan_tf.host.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

Found = TypeVar("Found")

_HERE = ("localhost", "127.0.0.1", "::1")  # No proxy of the environment's can lead there.
_BYTES = 96 * 2**20  # Of an answer; no more is taken in, whatever a server sends.
_PARTS = 4_000_000  # Lists and objects in it; 16 images of 456x456 pixels have 3.3 million.


class Request(NamedTuple):
    """One request.

    Attributes:
      signature: which is asked.
      inputs: numbers by the input's name, as many of each; int64, or float32 where they are floats.
      output: the name of the signature's one output.
      seconds: how long the answer may take.
    """

    signature: str
    inputs: Mapping[str, Sequence[int] | Sequence[float]]
    output: str
    seconds: float


class Ask(NamedTuple):
    """What asks a server. Both raise InputError, RefusedError or TimeoutError.

    Attributes:
      strings: from a request to the strings of its answer, in turn.
      images: from a request, and the most pixels of one image, to images, uint8 `[N, H, W, C]`.
    """

    strings: Callable[[Request], list[bytes]]
    images: Callable[[Request, int], Pixels]


class RefusedError(InputError):
    """The server itself says that it cannot answer."""


class Server(NamedTuple):
    """Where a model is served.

    Attributes:
      address: of the server; grpc:// is gRPC, others are REST.
      model: its name there.
      version: which one; None for the newest.
      timeout: seconds after which nobody waits any more.
    """

    address: SplitResult
    model: str
    version: int | None
    timeout: float

    def asked(self) -> Ask:
        """Returns what asks it."""
        return _grpc(self) if self.address.scheme == "grpc" else _rest(self)


def _rest(server: Server) -> Ask:
    """Asks by TensorFlow Serving's REST interface."""
    import requests

    version = f"/versions/{server.version}" if server.version else ""
    base = server.address.geturl().rstrip("/")
    url = f"{base}/v1/models/{quote(server.model, safe='')}{version}:predict"
    host = server.address.hostname
    proxies = {"no_proxy": str(host)} if host in _HERE else None

    def ask(request: Request, read: Callable[[Any], Found]) -> Found:
        names, columns = request.inputs.keys(), request.inputs.values()
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

        def post() -> tuple[int, bytes]:
            with requests.post(
                url,
                json={"signature_name": request.signature, "instances": rows},
                headers={"Accept-Encoding": "identity"},  # Few bytes must not unpack to many.
                timeout=server.timeout + 1,  # Later than _within; it ends the thread.
                proxies=proxies,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return answer.status_code, answer.raw.read(_BYTES + 1, decode_content=False)

        try:
            status, body = _within(request.seconds, post)
        except TimeoutError:
            raise
        except Exception as error:  # Those of requests, urllib3 and Python share no base.
            reason = type(error).__name__
            raise InputError(f"no answer ({reason}); is TensorFlow Serving there?") from None
        return _read(status, body, read)

    def strings(request: Request) -> list[bytes]:
        def read(rows: Any) -> list[bytes]:
            if request.output.endswith("_bytes"):
                return [base64.b64decode(row["b64"], validate=True) for row in rows]
            return [str.encode(text) for row in rows for text in list.copy(row)]

        return ask(request, read)

    def images(request: Request, most: int) -> Pixels:
        import numpy as np

        def read(rows: Any) -> Pixels:
            _check_numbers(rows)
            array = np.array(rows)
            if array.dtype.kind != "i" or array.min() < 0 or array.max() > 255:
                raise ValueError
            return array.astype(np.uint8)

        found = ask(request, read)
        _check(found.shape, most)
        return found

    return Ask(strings, images)


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


def _read(status: int, body: bytes, read: Callable[[Any], Found]) -> Found:
    """What `read` makes of the rows of an answer by REST; its own errors say that it cannot."""
    if len(body) > _BYTES:
        raise InputError(f"answered more than {_BYTES >> 20} MiB; ask for fewer images at a time")
    if body.count(b"[") + body.count(b"{") > _PARTS:  # Each costs far more than its byte.
        raise InputError(f"answered more than {_PARTS:,} lists; ask for fewer images at a time")
    try:
        found = json.loads(body)
        if status == 200:
            return read(found["predictions"])
        reason = str(found["error"])
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError):
        raise InputError(
            f"answered HTTP {status}, but not as TensorFlow Serving, whose REST port is 8501"
        ) from None
    raise RefusedError(reason)


def _check_numbers(rows: Any) -> None:
    """Raises ValueError or TypeError unless there are whole numbers alone, in lists `[N][H][W][C]`:
    of texts NumPy would make an array in which each is as wide as the longest."""
    for _ in range(3):
        rows = itertools.chain.from_iterable(rows)
    if not all(type(each) is int for each in rows):
        raise ValueError


def _check(shape: Sequence[int], most: int) -> None:
    """Raises InputError if a shape is not that of images, each with at most `most` pixels."""
    if len(shape) != 4 or min(shape) < 1 or shape[3] not in (1, 3, 4):
        raise InputError(f"images must be grey, RGB or RGBA; their shape is {list(shape)}")
    if shape[1] * shape[2] > most:
        raise InputError(f"an image must have at most {most:,} pixels; it is {shape[2]}x{shape[1]}")


def _grpc(server: Server) -> Ask:
    """Asks by TensorFlow Serving's gRPC interface."""
    from gan_tf.host import process

    process.start_tensorflow()
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    except ImportError:
        raise InputError("grpc:// needs more: pip install 'gan_tf[serving]'") from None
    import grpc
    import tensorflow as tf

    address = server.address
    limits = [
        ("grpc.max_receive_message_length", _BYTES),
        ("grpc.enable_http_proxy", int(address.hostname not in _HERE)),
    ]

    def ask(request: Request) -> Any:
        message = predict_pb2.PredictRequest()
        message.model_spec.name = server.model
        message.model_spec.signature_name = request.signature
        if server.version:
            message.model_spec.version.value = server.version
        for name, numbers in request.inputs.items():
            kind = tf.float32 if isinstance(numbers[0], float) else tf.int64
            message.inputs[name].CopyFrom(tf.make_tensor_proto(numbers, kind))
        with grpc.insecure_channel(address.netloc + address.path, limits) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            try:
                answer = stub.Predict(message, timeout=request.seconds)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise TimeoutError from None
                away = error.code() is grpc.StatusCode.UNAVAILABLE
                said = f"{error.code().name}: {error.details()}"
                raise (InputError if away else RefusedError)(said) from None
        return answer.outputs[request.output]

    def strings(request: Request) -> list[bytes]:
        return list(ask(request).string_val)

    def images(request: Request, most: int) -> Pixels:
        tensor = ask(request)
        shape = [dimension.size for dimension in tensor.tensor_shape.dim]
        # Before there is an array: one number may stand for as many as the shape says.
        _check(shape, most)
        if tensor.dtype != tf.uint8.as_datatype_enum or shape[0] != len(request.inputs["seeds"]):
            raise InputError(f"images must be uint8, one for each seed; their shape is {shape}")
        try:
            found: Pixels = tf.make_ndarray(tensor)
        except (OverflowError, TypeError, ValueError):
            raise InputError(
                f"answered too few numbers for images of shape {shape}, or some that are no uint8"
            ) from None
        return found

    return Ask(strings, images)
