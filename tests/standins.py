"""A small stand-in for TensorFlow Serving: the session path that it takes, behind its two
interfaces, in the formats that it documents. And servers that answer whatever a test says."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import tensorflow as tf
from benchmarks.session import Session
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc


def to_json(name: str, row: Any) -> Any:
    """One row of an output, as REST has it."""
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(row).decode()}
    return [text.decode() for text in row] if row.dtype == object else row.tolist()


class Handler(BaseHTTPRequestHandler):
    """Answers requests, and is silent about them.

    Attributes:
      asked: what was asked, read from JSON.
    """

    asked: Any

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def answer(self, status: int, text: bytes, **headers: str) -> None:
        """Answers, with headers such as `Content_Type`."""
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(text))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)


@contextlib.contextmanager
def http(post: Callable[[Any], object]) -> Iterator[str]:
    """Answers POST by a function of the request's handler, on a port of its own."""

    class Posted(Handler):
        def do_POST(self) -> None:
            # Read in any case: what is unread when a connection is closed breaks it.
            self.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            post(self)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Posted)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def rpc_of(predict: Callable[[Any, Any], Any]) -> Iterator[str]:
    """Answers `PredictionService.Predict` by a function of request and context, on a port of its
    own."""

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
            return predict(request, context)

    server = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def rest(session: Session) -> contextlib.AbstractContextManager[str]:
    """Answers `POST /v1/models/gan_tf[/versions/1]:predict` on a port of its own."""

    def only(signature: str) -> str:
        (name, *_) = session.signatures[signature].inputs
        return str(name)

    def predict(signature: str, content: dict[str, Any]) -> dict[str, Any]:
        if "instances" not in content:
            found = session(signature, content["inputs"])
            columns = {n: [to_json(n, row) for row in array] for n, array in found.items()}
            return {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}
        rows = content["instances"]
        named = [row if isinstance(row, dict) else {only(signature): row} for row in rows]
        found = session(signature, {name: [row[name] for row in named] for name in named[0]})
        results = [
            {name: to_json(name, array[index]) for name, array in found.items()}
            for index in range(len(rows))
        ]
        one = len(found) == 1
        return {"predictions": [next(iter(r.values())) if one else r for r in results]}

    def post(handler: Handler) -> None:
        content = handler.asked
        answer: dict[str, Any]
        if not re.fullmatch(r"/v1/models/gan_tf(/versions/1)?:predict", handler.path):
            status, answer = 404, {"error": f"Servable not found for request: {handler.path}"}
        else:
            try:
                signature = content.get("signature_name", "serving_default")
                status, answer = 200, predict(signature, content)
            except (ValueError, tf.errors.OpError) as error:
                status, answer = 400, {"error": str(error)}
        text = json.dumps(answer, indent=4).encode()  # The server writes it so, too.
        handler.answer(status, text, Content_Type="application/json")

    return http(post)


def rpc(session: Session) -> contextlib.AbstractContextManager[str]:
    """Answers `PredictionService.Predict` on a port of its own."""

    def predict(request: Any, context: Any) -> Any:
        if request.model_spec.name != "gan_tf":
            context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request")
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        try:
            found = session(request.model_spec.signature_name, inputs)
        except (ValueError, tf.errors.OpError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return answer_of(**found)

    return rpc_of(predict)


def answer_of(**outputs: Any) -> Any:
    """The answer by gRPC that has these outputs."""
    answer = predict_pb2.PredictResponse()
    for name, array in outputs.items():
        answer.outputs[name].CopyFrom(tf.make_tensor_proto(array))
    return answer
