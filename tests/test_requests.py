"""Requests of every rank, type, size and value: none ends the server's process or gives NaN."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from benchmarks.session import Session

from gan_tf.game.latents import LATENTS, SAMPLING_STREAM, stream_seed

from .processes import ROOT

# The C interface under the session, which, unlike Python's, compares no shapes by itself. Every
# request is left for the C program, too: a line, and its inputs' bytes.
HUNT = """
import json, pathlib, sys
import numpy as np
import tensorflow as tf
from benchmarks.session import Session

session = Session(sys.argv[1])
rng = np.random.default_rng(int(sys.argv[2]))
raw = session._session._call_tf_sessionrun
extremes = {
    "f": [np.nan, np.inf, -np.inf, 0.0, 1e38, -1e38, 1e-45],
    "i": [0, -1, 2**63 - 1, -(2**63), 2**60, 5],
    "u": [0, 255],
}
place = pathlib.Path(sys.argv[4])
lines, ends = [], []


def words(tensor):
    operation, _, index = tensor.name.partition(":")
    return [operation, index]


names = [name for name in session.signatures if not name.startswith("_")]
for number in range(int(sys.argv[3])):
    signature = session.signatures[names[number % len(names)]]
    rows = int(rng.choice([0, 1, 2, 3, 4, 5, 9]))
    feed, line = {}, [len(signature.inputs)]
    for name, info in signature.inputs.items():
        shape = [rows, *(dim.size for dim in info.tensor_shape.dim[1:])]
        change = rng.integers(0, 8)
        if change == 0:
            shape = shape[1:]
        elif change == 1:
            shape = [*shape, int(rng.choice([1, 2]))]
        elif change == 2:
            shape = [int(rng.choice([0, 1, 2, 7, 28, 64, 784])) for _ in range(rng.integers(0, 6))]
            while np.prod(shape) > 100_000:
                shape.pop()
        elif change == 3:
            shape = [rows + 1, *shape[1:]]
        kind = tf.as_dtype(info.dtype).as_numpy_dtype
        if rng.integers(0, 12) == 0:
            kind = rng.choice([np.float32, np.int64, np.uint8, np.float64])
        values = np.zeros(shape, kind)
        code = np.dtype(kind).kind
        if values.size:
            choice = rng.integers(0, 3)
            if choice == 0:
                values.ravel()[rng.integers(values.size)] = rng.choice(
                    np.array(extremes[code], dtype=kind)
                )
            elif choice == 1:
                values = (rng.choice([3, 100]) * rng.normal(size=shape)).astype(kind)
        file = place / f"{number}-{name}"
        values.tofile(file)
        sizes = ",".join(map(str, shape)) or "-"
        line += [*words(info), tf.as_dtype(values.dtype).as_datatype_enum, sizes, file]
        feed[session._session.graph.get_tensor_by_name(info.name)._as_tf_output()] = values
    fetches = [
        session._session.graph.get_tensor_by_name(info.name)._as_tf_output()
        for info in signature.outputs.values()
    ]
    for info in signature.outputs.values():
        line += [*words(info), place / "output"]
    lines.append(" ".join(map(str, line)))
    try:
        outputs = raw(None, feed, fetches, [], None)
    except (tf.errors.OpError, ValueError):
        ends.append(False)
        continue
    for output in outputs:
        if output.dtype.kind == "f":
            assert np.isfinite(output).all(), (signature.method_name, feed)
    for name, info in signature.inputs.items():
        if name.startswith("labels"):  # What is no class of MNIST's ten has no answer.
            tensor = session._session.graph.get_tensor_by_name(info.name)._as_tf_output()
            assert set(feed[tensor]) <= set(range(10)), (signature.method_name, feed)
    ends.append(True)
(place / "requests").write_text("".join(line + chr(10) for line in lines))
print(json.dumps(ends))
"""


@pytest.mark.parametrize(("run", "number"), [("trained", 2_000), ("conditional", 1_000)])
def test_no_request_ends_the_process_or_gives_nan(
    request: pytest.FixtureRequest, tmp_path: Path, replay: Path, run: str, number: int
) -> None:
    saved_model = request.getfixturevalue(run) / "export" / "1"
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HUNT, str(saved_model), "0", str(number), "."],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    answered = json.loads(finished.stdout)
    assert len(answered) == number
    assert 0.1 < np.mean(answered) < 0.8
    # The C program takes the same ones, and refuses the same ones.
    requests = (tmp_path / "requests").read_text()
    answers = subprocess.check_output(
        [replay, saved_model], input=requests, text=True, cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    assert [answer == "ok" for answer in answers.splitlines()] == answered


@pytest.mark.parametrize(
    ("signature", "inputs", "shapes"),
    [
        ("generate", {"seeds": []}, {"images": (0, 28, 28, 1)}),
        ("generate_png", {"seeds": []}, {"png_bytes": (0,)}),
        ("generate_truncated", {"seeds": [], "truncations": []}, {"images": (0, 28, 28, 1)}),
        (
            "interpolate",
            {"seeds_from": [], "seeds_to": [], "fractions": []},
            {"images": (0, 28, 28, 1)},
        ),
        ("discriminate", {"images": np.zeros((0, 28, 28, 1))}, {"logits": (0,)}),
        ("serving_default", {"latents": np.zeros((0, 64))}, {"images": (0, 28, 28, 1)}),
    ],
)
def test_no_rows_give_no_rows(
    trained: Path, signature: str, inputs: dict[str, object], shapes: dict[str, tuple[int, ...]]
) -> None:
    found = Session(trained / "export" / "1")(signature, inputs)
    for name, shape in shapes.items():
        assert found[name].shape == shape


def test_every_seed_has_an_image_of_its_own(trained: Path) -> None:
    session = Session(trained / "export" / "1")
    seeds = [5, 5 + 2**60, 5 - 2**60, 5 + 2**62, 5 - 2**63, 2**63 - 1, -1, 2**60 - 1, 2**59 + 5]
    images = session("generate", {"seeds": seeds})["images"]
    assert len({image.tobytes() for image in images}) == len(seeds)


def test_the_numbers_of_small_seeds_are_those_of_version_0_1() -> None:
    for seed in (0, 5, 2**31 - 1, -7):
        plain = tf.stack([tf.constant(seed * 16 + SAMPLING_STREAM, tf.int64), 3])
        ours = stream_seed(tf.constant(seed, tf.int64), SAMPLING_STREAM, 3)
        np.testing.assert_array_equal(ours, plain)
    assert LATENTS["normal"]((1, 4), stream_seed(0, SAMPLING_STREAM)).shape == (1, 4)
