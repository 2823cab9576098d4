"""The export as a product: every signature, as TensorFlow Serving and other runtimes load it."""

from __future__ import annotations

import copy
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import tensorflow as tf
from benchmarks.session import Session
from google.protobuf import text_format
from PIL import Image
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from gan_tf.data import pixels
from gan_tf.game import latents
from gan_tf.game.latents import slerp
from gan_tf.host.building import computing_in
from gan_tf.models import ARCHITECTURES, networks
from gan_tf.report import pictures
from gan_tf.serving import servable
from gan_tf.serving.signatures import signatures
from gan_tf.training import exporting, run_directory

from .conftest import MNIST_SHAPE, Command, one_line
from .processes import ROOT, start
from .standins import rest, rpc, rpc_of

SEEDS = [0, 7, 2**31 - 1, -5, 10**12]
SERVING = ROOT / "scripts" / "serving"


@pytest.fixture(scope="module")
def saved_model(trained: Path) -> Path:
    return trained / "export" / "1"


@pytest.fixture(scope="module")
def session(saved_model: Path) -> Session:
    return Session(saved_model)


@pytest.fixture(scope="module")
def alone(session: Session) -> dict[int, np.ndarray]:
    """The image of each of 64 seeds, each asked for alone."""
    return {seed: session("generate", {"seeds": [seed]})["images"][0] for seed in range(64)}


def test_every_signature_has_a_dynamic_batch_that_all_its_tensors_share(session: Session) -> None:
    shapes = {
        name: {
            key: (tf.as_dtype(tensor.dtype).name, [d.size for d in tensor.tensor_shape.dim])
            for tensors in (signature.inputs, signature.outputs)
            for key, tensor in tensors.items()
        }
        for name, signature in session.signatures.items()
        if not name.startswith("__")
    }
    image = [-1, 28, 28, 1]
    assert shapes == {
        "serving_default": {"latents": ("float32", [-1, 64])},
        "generate": {"seeds": ("int64", [-1])},
        "generate_png": {"seeds": ("int64", [-1]), "png_bytes": ("string", [-1])},
        "generate_truncated": {"seeds": ("int64", [-1]), "truncations": ("float32", [-1])},
        "interpolate": {
            "seeds_from": ("int64", [-1]),
            "seeds_to": ("int64", [-1]),
            "fractions": ("float32", [-1]),
        },
        "discriminate": {
            "images": ("uint8", image),
            "logits": ("float32", [-1]),
            "probabilities": ("float32", [-1]),
        },
    } | {
        name: shapes[name] | {"images": (kind, image)}
        for name, kind in (
            ("serving_default", "float32"),
            ("generate", "uint8"),
            ("generate_truncated", "uint8"),
            ("interpolate", "uint8"),
        )
    }


def test_the_image_of_a_seed_is_the_first_that_sample_draws_with_it(
    command: Command, tmp_path: Path, saved_model: Path, session: Session
) -> None:
    for seed in (3, 2**31 - 1):
        flags = (f"--saved_model={saved_model}", f"--seed={seed}", "--num=1", "--output=one.npy")
        assert command("sample", *flags).returncode == 0
        mine = session("generate", {"seeds": [seed]})["images"]
        np.testing.assert_array_equal(mine, np.load(tmp_path / "one.npy"))


def test_the_image_of_a_seed_is_the_same_in_any_batch(
    saved_model: Path, session: Session, alone: dict[int, np.ndarray]
) -> None:
    rng = np.random.default_rng(0)
    again = Session(saved_model)  # After a restart.
    for size in (1, 2, 3, 5, 8, 13, 33, 64):
        seeds = rng.integers(0, 64, size)
        for each in (session, again):
            for seed, image in zip(
                seeds, each("generate", {"seeds": seeds})["images"], strict=True
            ):
                np.testing.assert_array_equal(image, alone[int(seed)])
    assert len({image.tobytes() for image in alone.values()}) == 64


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_so_it_is_with_dense_networks(precision: str) -> None:
    """Whose products of one row round otherwise than those of several."""
    with computing_in(precision):
        networks = ARCHITECTURES["mlp"]
        pair = (
            networks.generator(100, MNIST_SHAPE),
            networks.discriminator(MNIST_SHAPE),
        )
    found = signatures(
        *pair,
        latents.LATENTS["normal"],
        latent_dim=100,
        image_shape=MNIST_SHAPE,
        cross_entropy=True,
    )
    function, inputs = found["generate"]
    generate = tf.function(function, input_signature=inputs)
    alone = np.concatenate([generate([seed])["images"] for seed in range(100)])
    together = np.concatenate([generate(range(i, i + 50))["images"] for i in (0, 50)])
    np.testing.assert_array_equal(alone, together)


def test_threads_and_mixed_batches_mix_nothing_up(
    session: Session, alone: dict[int, np.ndarray]
) -> None:
    def ask(number: int) -> int:
        rng = np.random.default_rng(number)
        seeds = rng.integers(0, 64, rng.integers(1, 17))
        images = session("generate", {"seeds": seeds})["images"]
        return sum(
            np.array_equal(image, alone[int(seed)]) - 1
            for seed, image in zip(seeds, images, strict=True)
        )

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(200))) == 0


def test_pngs_are_the_images(session: Session) -> None:
    images = session("generate", {"seeds": SEEDS})["images"]
    pngs = session("generate_png", {"seeds": SEEDS})["png_bytes"]
    for image, png in zip(images, pngs, strict=True):
        with Image.open(io.BytesIO(png)) as picture:
            np.testing.assert_array_equal(np.asarray(picture), image[..., 0])


def test_interpolation_goes_from_one_seed_to_the_other(session: Session) -> None:
    ends = session("generate", {"seeds": [3, 4]})["images"].astype(int)
    request = {"seeds_from": [3] * 5, "seeds_to": [4] * 5, "fractions": [0, 0.25, 0.5, 0.75, 1]}
    path = session("interpolate", request)["images"].astype(int)
    np.testing.assert_array_equal(path[0], ends[0])
    assert np.abs(path[-1] - ends[1]).max() <= 1
    steps = np.abs(np.diff(path, axis=0)).mean(axis=(1, 2, 3))
    assert (steps > 0.5).all(), "it moves all the way"
    assert (steps < np.abs(ends[1] - ends[0]).mean()).all()
    same = session("interpolate", {"seeds_from": [3], "seeds_to": [3], "fractions": [0.3]})
    assert np.abs(same["images"][0].astype(int) - ends[0]).max() <= 1


def test_truncation_goes_from_one_image_for_all_to_the_images_as_they_are(
    session: Session,
) -> None:
    def of(truncation: float) -> np.ndarray:
        request = {"seeds": SEEDS, "truncations": [truncation] * len(SEEDS)}
        return session("generate_truncated", request)["images"].astype(int)

    as_it_is = session("generate", {"seeds": SEEDS})["images"]
    np.testing.assert_array_equal(of(1.0), as_it_is)
    assert (of(0.0) == of(0.0)[:1]).all()
    spreads = [of(truncation).std(0).mean() for truncation in (0.0, 0.5, 1.0)]
    assert spreads[0] < spreads[1] < spreads[2]
    assert not np.array_equal(of(2.0), as_it_is)


def test_slerp_keeps_to_the_circle() -> None:
    a, b = np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), np.array([[0, 1], [-1, 0]], np.float32)
    middle = slerp(tf.constant(a), tf.constant(b), tf.constant([[0.5], [0.5]])).numpy()
    np.testing.assert_allclose(middle[0], [np.sqrt(0.5)] * 2, rtol=1e-6)
    assert np.isfinite(middle).all(), "opposite ends have no shortest way, and get a straight one"


def test_the_discriminator_is_that_of_the_checkpoint(
    session: Session, trained: Path, mnist: dict[str, np.ndarray]
) -> None:
    networks = exporting.load_networks(
        run_directory.read(trained), exporting.find_checkpoint(trained, "best")
    )
    images = mnist["test_images"][:9]
    found = session("discriminate", {"images": images})
    logits = networks.discriminator(pixels.scale(images), training=False).numpy()[:, 0]
    np.testing.assert_allclose(found["logits"], logits, atol=1e-5)
    np.testing.assert_allclose(found["probabilities"], 1 / (1 + np.exp(-logits)), atol=1e-6)


@pytest.mark.parametrize(
    ("signature", "inputs"),
    [
        ("serving_default", {"latents": np.zeros((2, 63))}),
        ("serving_default", {"latents": np.zeros(64)}),
        ("serving_default", {"latents": np.full((1, 64), np.nan)}),
        ("generate", {"seeds": [[1]]}),
        (
            "interpolate",
            {"seeds_from": [1], "seeds_to": [2], "fractions": [np.inf]},
        ),
        ("interpolate", {"seeds_from": [1], "seeds_to": [2, 3, 4], "fractions": [0.5, 0.5]}),
        ("interpolate", {"seeds_from": [1], "seeds_to": [2, 3, 4], "fractions": [0.5]}),
        ("discriminate", {"images": np.zeros((1, 32, 32, 1))}),
        # More than 2^22 pixels at once, for which a small machine has no memory.
        ("serving_default", {"latents": np.zeros((5_350, 64))}),
        ("generate", {"seeds": np.zeros(5_350, np.int64)}),
        ("discriminate", {"images": np.zeros((5_350, 28, 28, 1))}),
        ("generate_truncated", {"seeds": [1], "truncations": [np.nan]}),
        ("generate_truncated", {"seeds": [1], "truncations": [-0.1]}),
        ("generate_truncated", {"seeds": [1], "truncations": [2.1]}),
        ("generate_truncated", {"seeds": [1, 2], "truncations": [1.0]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_requests_get_an_error_and_never_nan(
    session: Session, signature: str, inputs: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        session(signature, inputs)


def test_a_wide_network_takes_fewer_rows() -> None:
    """Its activations are what takes memory."""
    wide = networks("dcgan", 256)
    endpoints = signatures(
        wide.generator(64, MNIST_SHAPE),
        wide.discriminator(MNIST_SHAPE),
        latents.distribution_of("normal"),
        latent_dim=64,
        image_shape=MNIST_SHAPE,
        cross_entropy=True,
    )
    draw, _ = endpoints["generate"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 1,337 rows a request"):
        draw(tf.zeros([1_338], tf.int64))


def test_a_seed_is_the_same_image_where_a_server_compiles(
    session: Session, saved_model: Path
) -> None:
    """XLA draws other numbers, and rounds otherwise."""
    program = """
import sys
import tensorflow as tf
tf.config.optimizer.set_jit(True)
model = tf.saved_model.load(sys.argv[1])
images = model.signatures["generate"](seeds=tf.range(4, dtype=tf.int64))["images"]
sys.stdout.buffer.write(images.numpy().tobytes())
"""
    compiling = {"TF_XLA_FLAGS": "--tf_xla_cpu_global_jit", "TF_CPP_MIN_LOG_LEVEL": "0"}
    command = [sys.executable, "-c", program, str(saved_model)]
    found = subprocess.run(command, env=os.environ | compiling, capture_output=True, check=True)
    assert b"Compiled cluster using XLA" in found.stderr
    drawn = session("generate", {"seeds": np.arange(4)})["images"]
    compiled = np.frombuffer(found.stdout, np.uint8).reshape(drawn.shape)
    assert np.abs(drawn.astype(int) - compiled).max() <= 1


def test_each_weight_is_stored_once(saved_model: Path, trained: Path) -> None:
    networks = exporting.load_networks(
        run_directory.read(trained), exporting.find_checkpoint(trained, "best")
    )
    stored = tf.train.list_variables(str(saved_model / "variables" / "variables"))
    floats = sum(np.prod(shape, dtype=int) for name, shape in stored if "OBJECT_GRAPH" not in name)
    assert floats == networks.generator.count_params() + networks.discriminator.count_params()


def test_its_graph_runs_anywhere(saved_model: Path) -> None:
    """No Python, no XLA, nothing stateful but variables."""
    model = tf.saved_model.load(str(saved_model))
    kinds = set()
    for signature in model.signatures.values():
        definition = signature.graph.as_graph_def()
        nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
        kinds |= {node.op for node in nodes}
        assert not any("_XlaMustCompile" in node.attr for node in nodes)
    assert not {k for k in kinds if re.search("PyFunc|Xla|^Random|Apply(Adam|Gradient)", k)}


def test_it_knows_where_it_comes_from(saved_model: Path) -> None:
    about = servable.read_metadata(saved_model)
    assert about["classifier"] == "mnist-v1"
    assert about["licence"].startswith("CC BY-SA 3.0")
    assert about["metrics"]["step"] == about["step"] == 150
    assert about["metrics"]["frechet_distance"] > 0
    assert {"gan_tf", "tensorflow", "keras", "config", "pixels"} <= about.keys()


def warm_ups(saved_model: Path) -> dict[str, dict[str, np.ndarray]]:
    """The requests that TensorFlow Serving would replay, by signature."""
    path = saved_model / "assets.extra" / "tf_serving_warmup_requests"
    found = {}
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        found[request.model_spec.signature_name] = inputs
    return found


@pytest.mark.parametrize("run", ["trained", "conditional"])
def test_a_c_program_answers_every_warm_up_request(
    request: pytest.FixtureRequest, run: str, replay: Path, tmp_path: Path
) -> None:
    saved_model = request.getfixturevalue(run) / "export" / "1"
    session = Session(saved_model)
    requests_found = warm_ups(saved_model)
    assert sorted(requests_found) == sorted(n for n in session.signatures if n[0] != "_")
    for name, inputs in requests_found.items():
        signature, expected = session.signatures[name], session(name, inputs)
        arguments: list[object] = [len(inputs)]
        for key, value in inputs.items():
            value.tofile(tmp_path / key)
            operation, _, index = signature.inputs[key].name.partition(":")
            shape = ",".join(map(str, value.shape))
            arguments += [operation, index, signature.inputs[key].dtype, shape, tmp_path / key]
        for key in expected:
            operation, _, index = signature.outputs[key].name.partition(":")
            arguments += [operation, index, tmp_path / f"{key}.out"]
        asked = " ".join(map(str, arguments)) + "\n"
        answer = subprocess.check_output([replay, saved_model], input=asked, text=True)
        assert answer == "ok\n"
        for key, value in expected.items():
            content = (tmp_path / f"{key}.out").read_bytes()
            if value.dtype == object:
                strings = [len(each).to_bytes(8, "little") + each for each in value.ravel()]
                assert content == b"".join(strings)
            else:
                found = np.frombuffer(content, value.dtype).reshape(value.shape)
                np.testing.assert_allclose(found, value, atol=1e-5)


@pytest.fixture(scope="module")
def server(session: Session) -> Iterator[tuple[str, str]]:
    """The addresses of the two interfaces."""
    with rest(session) as http, rpc(session) as grpc_address:
        yield http, grpc_address


@pytest.mark.parametrize("interface", [0, 1], ids=["REST", "gRPC"])
def test_the_client_gets_pictures(
    command: Command,
    tmp_path: Path,
    server: tuple[str, str],
    alone: dict[int, np.ndarray],
    interface: int,
) -> None:
    finished = command("client", f"--url={server[interface]}", "--seeds=5,0", "--output=two.png")
    assert (finished.returncode, finished.stdout) == (0, "two.png\n"), finished.stderr
    with Image.open(tmp_path / "two.png") as picture:
        pixels = np.asarray(picture)[::2, ::2]
    np.testing.assert_array_equal(pixels[1:29, 1:29], alone[5][..., 0])
    np.testing.assert_array_equal(pixels[1:29, 30:58], alone[0][..., 0])


@pytest.mark.parametrize("interface", [0, 1], ids=["REST", "gRPC"])
def test_the_client_gets_images_nearer_to_the_mean(
    command: Command, tmp_path: Path, server: tuple[str, str], session: Session, interface: int
) -> None:
    seeds = range(17)  # More than one request holds.
    flags = [f"--seeds={','.join(map(str, seeds))}", "--truncation=0.5", "--output=nearer.png"]
    finished = command("client", f"--url={server[interface]}", *flags)
    assert (finished.returncode, finished.stdout) == (0, "nearer.png\n"), finished.stderr
    request = {"seeds": list(seeds), "truncations": [0.5] * len(seeds)}
    pictures.write_grid(tmp_path / "wanted.png", session("generate_truncated", request)["images"])
    assert (tmp_path / "nearer.png").read_bytes() == (tmp_path / "wanted.png").read_bytes()


def test_the_client_asks_an_older_export_for_no_truncation_unless_it_is_told(
    command: Command, session: Session
) -> None:
    older = copy.copy(session)
    older.signatures = {
        name: each for name, each in session.signatures.items() if name != "generate_truncated"
    }
    with rest(older) as http, rpc(older) as grpc_address:
        for url in (http, grpc_address):
            assert command("client", f"--url={url}", "--truncation=1").returncode == 0
            said = one_line(command("client", f"--url={url}", "--truncation=0.5"))
            assert "has no signature generate_truncated" in said


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--url=grpc://127.0.0.1:9", "--timeout=3"], "UNAVAILABLE"),
        (["--model=other", "--url=REST"], "Servable not found"),
        (["--model=other", "--url=GRPC"], "NOT_FOUND"),
    ],
)
def test_the_client_says_in_one_line_what_is_wrong(
    command: Command, server: tuple[str, str], flags: list[str], part: str
) -> None:
    flags = [f.replace("REST", server[0]).replace("GRPC", server[1]) for f in flags]
    assert part in one_line(command("client", *flags))


def test_the_client_is_as_quiet_by_grpc(tmp_path: Path, home: Path) -> None:
    """In a process that has yet to load TensorFlow, where a server goes away in the midst."""
    asked = threading.Event()

    def predict(*_: Any) -> None:
        asked.set()
        time.sleep(1)

    with rpc_of(predict) as url:
        process = start("client", f"--url={url}", cwd=tmp_path, home=home)
        came = asked.wait(120)
    _, errors = process.communicate(timeout=60)
    assert came, errors
    assert (process.returncode, len(errors.splitlines())) == (2, 1), errors


def test_the_requests_of_the_readme_are_answered(
    server: tuple[str, str], session: Session, tmp_path: Path
) -> None:
    """Every curl command of the README and of its page on serving, against the stand-in."""
    pages = (ROOT / "README.md", ROOT / "docs" / "serving.md")
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    bodies = re.findall(r"-d '(\{.*?\})'", text)
    assert {json.loads(body).get("signature_name") for body in bodies} >= {
        "generate_png",
        "generate",
        "interpolate",
    }
    for body in bodies:
        answer = requests.post(f"{server[0]}/v1/models/gan_tf:predict", data=body, timeout=30)
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"]
    shell = re.search(r"```sh\n(curl -s .*?generate_png.*?)```", text, re.DOTALL)
    assert shell
    command = shell[1].replace("http://localhost:8501", server[0])
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, check=True, timeout=60)
    with Image.open(tmp_path / "digit.png") as picture:
        assert picture.size == (28, 28)


def test_the_models_are_named_in_what_the_server_reads() -> None:
    models = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((SERVING / "models.config").read_text(), models)
    (model,) = models.model_config_list.config
    assert (model.name, model.base_path) == ("gan_tf", "/models/gan_tf")
    batching = (SERVING / "batching.config").read_text()
    assert re.search(r"^max_batch_size \{ value: 64 \}$", batching, re.MULTILINE)
    compose = (SERVING / "compose.yaml").read_text()
    for name in ("models", "batching", "monitoring"):
        assert f"/config/{name}.config" in compose
    assert re.search(r'"127\.0\.0\.1:8501:8501"', compose)


LATENTS = np.random.default_rng(0).normal(size=(7, 64)).astype(np.float32)


def test_onnx_gives_the_same_images(converted: Path, session: Session) -> None:
    import onnxruntime

    runtime = onnxruntime.InferenceSession(converted / "assets.extra" / "generator.onnx")
    (images,) = runtime.run(["images"], {"latents": LATENTS})
    expected = session("serving_default", {"latents": LATENTS})["images"]
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_litert_gives_the_same_images(converted: Path, session: Session) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(converted / "assets.extra" / "generator.tflite"))
    images = interpreter.get_signature_runner("serving_default")(latents=LATENTS)["images"]
    expected = session("serving_default", {"latents": LATENTS})["images"]
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_openvino_reads_the_saved_model_itself(saved_model: Path, session: Session) -> None:
    import openvino

    core = openvino.Core()
    model = core.compile_model(saved_model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    (images,) = model({"latents": LATENTS}).to_dict().values()
    expected = session("serving_default", {"latents": LATENTS})["images"]
    np.testing.assert_allclose(images, expected, atol=1e-5)
