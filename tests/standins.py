"""A small stand-in for TensorFlow Serving: the session path that it takes, behind its two
interfaces, in the formats that it documents."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Iterator
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
    return row.tolist()


@contextlib.contextmanager
def rest(session: Session) -> Iterator[str]:
    """Answers `POST /v1/models/gan_tf[/versions/1]:predict` on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not re.fullmatch(r"/v1/models/gan_tf(/versions/1)?:predict", self.path):
                self.answer(404, {"error": f"Servable not found for request: {self.path}"})
                return
            signature = content.get("signature_name", "serving_default")
            try:
                self.answer(200, self.predict(signature, content))
            except (ValueError, tf.errors.OpError) as error:
                self.answer(400, {"error": str(error)})

        def predict(self, signature: str, content: dict[str, Any]) -> dict[str, Any]:
            if "instances" not in content:
                found = session(signature, content["inputs"])
                columns = {n: [to_json(n, row) for row in array] for n, array in found.items()}
                return {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}
            rows = content["instances"]
            (first, *_) = names = list(session.signatures[signature].inputs)
            named = [row if isinstance(row, dict) else {first: row} for row in rows]
            found = session(signature, {name: [row[name] for row in named] for name in names})
            results = [
                {name: to_json(name, array[index]) for name, array in found.items()}
                for index in range(len(rows))
            ]
            one = len(found) == 1
            return {"predictions": [next(iter(r.values())) if one else r for r in results]}

        def answer(self, status: int, content: dict[str, Any]) -> None:
            text = json.dumps(content, indent=4).encode()  # The server writes it so, too.
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def rpc(session: Session) -> Iterator[str]:
    """Answers `PredictionService.Predict` on a port of its own."""

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
            if request.model_spec.name != "gan_tf":
                context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request")
            inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
            try:
                found = session(request.model_spec.signature_name, inputs)
            except (ValueError, tf.errors.OpError) as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            answer = predict_pb2.PredictResponse()
            for name, array in found.items():
                answer.outputs[name].CopyFrom(tf.make_tensor_proto(array))
            return answer

    server = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
