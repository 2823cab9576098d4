"""TensorFlow Serving, asked by REST or gRPC. Neither TensorFlow nor Keras is needed for REST."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple
from urllib.parse import SplitResult

from gan_tf.host.errors import InputError

_HERE = ("localhost", "127.0.0.1", "::1")  # No proxy of the environment's can lead there.
_BYTES = 96 * 2**20  # Of an answer; no more is taken in, whatever a server sends.


class Request(NamedTuple):
    """One request.

    Attributes:
      signature: which is asked.
      inputs: int64 numbers by the input's name, as many of each.
      output: the name of the signature's one output, of strings.
      seconds: how long the answer may take.
    """

    signature: str
    inputs: Mapping[str, Sequence[int]]
    output: str
    seconds: float


# From a request to the strings of its answer, in turn. Raises InputError, RefusedError or
# TimeoutError.
Ask = Callable[[Request], list[bytes]]


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
    url = f"{base}/v1/models/{server.model}{version}:predict"
    host = server.address.hostname
    proxies = {"no_proxy": str(host)} if host in _HERE else None

    def ask(request: Request) -> list[bytes]:
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
        return _strings(status, body, request.output)

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


def _strings(status: int, body: bytes, output: str) -> list[bytes]:
    """What an answer by REST has for strings."""
    if len(body) > _BYTES:
        raise InputError(f"answered more than {_BYTES >> 20} MiB; ask for fewer images at a time")
    try:
        found = json.loads(body)
        if status == 200:
            rows = found["predictions"]
            if output.endswith("_bytes"):
                return [base64.b64decode(row["b64"], validate=True) for row in rows]
            return [str.encode(text) for row in rows for text in list.copy(row)]
        reason = str(found["error"])
    except (LookupError, TypeError, ValueError, RecursionError):
        raise InputError(
            f"answered HTTP {status}, but not as TensorFlow Serving, whose REST port is 8501"
        ) from None
    raise RefusedError(reason)


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

    def ask(request: Request) -> list[bytes]:
        message = predict_pb2.PredictRequest()
        message.model_spec.name = server.model
        message.model_spec.signature_name = request.signature
        if server.version:
            message.model_spec.version.value = server.version
        for name, numbers in request.inputs.items():
            message.inputs[name].CopyFrom(tf.make_tensor_proto(numbers, tf.int64))
        with grpc.insecure_channel(address.netloc + address.path, limits) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            try:
                answer = stub.Predict(message, timeout=request.seconds)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise TimeoutError from None
                kind = InputError if error.code() is grpc.StatusCode.UNAVAILABLE else RefusedError
                raise kind(f"{error.code().name}: {error.details()}") from None
        return list(answer.outputs[request.output].string_val)

    return ask
