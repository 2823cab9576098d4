"""A class on request: from the export of a conditional run to the picture, by every way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import tensorflow as tf
from benchmarks.session import Session
from PIL import Image

from gan_tf.data import pixels
from gan_tf.game import latents
from gan_tf.host.errors import InputError
from gan_tf.serving import asking, servable
from gan_tf.serving.formats import CONVERTERS
from gan_tf.training import exporting, run_directory

from .conftest import Command, one_line
from .processes import ROOT
from .standins import rest, rpc

DIGITS = [str(digit) for digit in range(10)]
PETS = ["cat", "dog", "guinea pig"]
ENDS = ("from", "to")


@pytest.fixture(scope="module")
def saved_model(conditional: Path) -> Path:
    return conditional / "export" / "1"


@pytest.fixture(scope="module")
def session(saved_model: Path) -> Session:
    return Session(saved_model)


def tiles(path: Path) -> np.ndarray:
    """The 28x28 images of a grid, `[rows, columns, 28, 28]`."""
    with Image.open(path) as picture:
        grid = np.asarray(picture)[::2, ::2][1:, 1:]
    cells = grid.reshape(grid.shape[0] // 29, 29, -1, 29).transpose(0, 2, 1, 3)
    return cells[..., :28, :28]


def near(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether pixels agree but for rounding: a batch of four rounds otherwise than one of many."""
    return bool(np.abs(one.astype(int) - other).max() <= 1)


def test_each_signature_takes_labels_and_one_names_the_classes(session: Session) -> None:
    inputs = {
        name: sorted(
            (key, tf.as_dtype(tensor.dtype).name, [d.size for d in tensor.tensor_shape.dim])
            for key, tensor in signature.inputs.items()
        )
        for name, signature in session.signatures.items()
        if not name.startswith("__")
    }
    labels, seeds = ("labels", "int64", [-1]), ("seeds", "int64", [-1])
    assert inputs == {
        "serving_default": [labels, ("latents", "float32", [-1, 64])],
        "generate": [labels, seeds],
        "generate_png": [labels, seeds],
        "generate_truncated": [labels, seeds, ("truncations", "float32", [-1])],
        "interpolate": [
            ("fractions", "float32", [-1]),
            *((f"{what}_{end}", "int64", [-1]) for what in ("labels", "seeds") for end in ENDS),
        ],
        "discriminate": [("images", "uint8", [-1, 28, 28, 1]), labels],
        "classes": [labels],
    }
    names = session("classes", {"labels": [0, 9]})["names"]
    assert names.tolist() == [[digit.encode() for digit in DIGITS]] * 2


def test_a_label_decides_and_the_batch_does_not(session: Session) -> None:
    seeds, labels = np.repeat([3, -7], 10), np.tile(range(10), 2)
    together = session("generate", {"seeds": seeds, "labels": labels})["images"]
    assert len({image.tobytes() for image in together}) == 20
    for seed, label, image in zip(seeds, labels, together, strict=True):
        alone = session("generate", {"seeds": [seed], "labels": [label]})["images"][0]
        np.testing.assert_array_equal(alone, image)
    some = {"seeds": seeds, "labels": labels}
    truncated = session("generate_truncated", some | {"truncations": [1.0] * 20})["images"]
    np.testing.assert_array_equal(truncated, together)
    means = session("generate_truncated", some | {"truncations": [0.0] * 20})["images"]
    np.testing.assert_array_equal(means[:10], means[10:])
    assert len({image.tobytes() for image in means}) == 10


def requests_of(label: object) -> dict[str, dict[str, Any]]:
    """A request of each signature, for one image."""
    two = {f"{what}_{end}": [1] for what in ("seeds", "labels") for end in ENDS}
    return {
        "serving_default": {"latents": np.zeros((1, 64)), "labels": [label]},
        "generate": {"seeds": [1], "labels": [label]},
        "generate_png": {"seeds": [1], "labels": [label]},
        "generate_truncated": {"seeds": [1], "labels": [label], "truncations": [1.0]},
        "interpolate": two | {"fractions": [0.0], "labels_to": [label]},
        "discriminate": {"images": np.zeros((1, 28, 28, 1)), "labels": [label]},
        "classes": {"labels": [label]},
    }


@pytest.mark.parametrize("label", [-1, 10, 2**40])
def test_what_is_no_class_is_an_error_in_words(session: Session, label: int) -> None:
    for signature, inputs in requests_of(label).items():
        with pytest.raises(tf.errors.InvalidArgumentError, match="labels must be from 0 to 9"):
            session(signature, inputs)


@pytest.mark.parametrize("labels", [[], [1, 2], [1, 2, 3]])
def test_there_is_a_label_for_each_image(session: Session, labels: list[int]) -> None:
    for signature, inputs in requests_of(1).items():
        for name in [name for name in inputs if name.startswith("labels") and len(inputs) > 1]:
            with pytest.raises(tf.errors.InvalidArgumentError, match="as many rows"):
                session(signature, inputs | {name: labels})


def test_interpolation_holds_a_class_or_changes_it_half_way(session: Session) -> None:
    def path(first: int, last: int, fractions: list[float]) -> np.ndarray:
        ends = {"seeds_from": [3], "seeds_to": [4], "labels_from": [first], "labels_to": [last]}
        repeated = {name: value * len(fractions) for name, value in ends.items()}
        return session("interpolate", repeated | {"fractions": fractions})["images"]

    both = session("generate", {"seeds": [3, 4], "labels": [5, 8]})["images"]
    moved = path(5, 8, [0.0, 0.25, 0.49, 0.5, 0.75, 1.0])
    np.testing.assert_array_equal(moved[0], both[0])
    assert near(moved[-1], both[1])
    np.testing.assert_array_equal(moved[:3], path(5, 5, [0.0, 0.25, 0.49]))
    np.testing.assert_array_equal(moved[3:], path(8, 8, [0.5, 0.75, 1.0]))


def test_the_discriminator_judges_an_image_as_one_of_its_class(
    session: Session, conditional: Path, mnist: dict[str, np.ndarray]
) -> None:
    networks = exporting.load_networks(
        run_directory.read(conditional), exporting.find_checkpoint(conditional, "last")
    )
    images, labels = np.repeat(mnist["test_images"][:1], 10, axis=0), np.arange(10)
    found = session("discriminate", {"images": images, "labels": labels})["logits"]
    shown = [tf.constant(pixels.scale(images)), tf.constant(labels)]
    expected = networks.discriminator(shown, training=False)[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(set(found.tolist())) == 10


def test_samples_have_the_shares_of_the_data(
    saved_model: Path, mnist: dict[str, np.ndarray]
) -> None:
    exported = servable.load(saved_model)
    counts = np.bincount(mnist["train_labels"])
    assert exported.classes == dict(zip(DIGITS, counts.tolist(), strict=True))
    labels = exported.labels(20_000, seed=1)
    assert labels is not None
    expected = 20_000 * counts / counts.sum()
    chi_squared = ((np.bincount(labels, minlength=10) - expected) ** 2 / expected).sum()
    assert chi_squared < 27.9, "one of a thousand seeds has more"
    few = exported.labels(5, seed=1)
    assert few is not None
    np.testing.assert_array_equal(few, labels[:5])
    assert exported.labels(20, seed=2) is not None
    drawn = exported.draw(exported.latents(5, seed=1), labels[:5])
    np.testing.assert_array_equal(exported.sample(5, seed=1), drawn)


def test_a_class_without_images_is_never_drawn() -> None:
    seed = latents.stream_seed(0, latents.SAMPLING_LABEL_STREAM)
    drawn = latents.labels_by_share(500, [0, 3, 0, 1, 0], seed).numpy()
    assert set(drawn) == {1, 3}
    assert 325 < (drawn == 1).sum() < 425


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        ("3,1,4", DIGITS, [3, 1, 4]),
        ("dog,cat,dog", PETS, [1, 0, 1]),
        ("guinea pig,0", PETS, [2, 0]),
        ("7,3", ["3", "5", "7"], [2, 0]),
        ("all", PETS, [0, 0, 1, 1, 2, 2]),
        ("all", ["cat", "all"], [1]),
        ("cat,all", ["cat", "all"], [0, 1]),
        ("cat, grey", ["cat", "cat, grey"], [1]),
    ],
)
def test_classes_go_by_name_or_by_number(
    labels: str, names: list[str], expected: list[int]
) -> None:
    assert asking.find(labels, None, names, columns=2).labels == expected


@pytest.mark.parametrize(
    ("labels", "text", "names", "said"),
    [
        ("3,10", None, DIGITS, "no class is called '10'; there are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        ("0", None, ["3", "5"], "no class is called '0'; there are 3, 5"),
        ("3", None, PETS, "no class is called '3'; there are cat, dog, guinea pig"),
        ("1,,2", None, DIGITS, "no class is called ''"),
        ("x", None, [f"c{i}" for i in range(99)], "c18, c19 and 79 more"),
        (None, "cat", DIGITS, "no class is called 'c'; the characters that there are: 0123456789"),
        (None, "20 26", DIGITS, "no class is called ' '"),
        (None, "cat", PETS, "needs classes that are called by one character; there are cat, dog"),
    ],
)
def test_what_is_no_class_is_named(
    labels: str | None, text: str | None, names: list[str], said: str
) -> None:
    with pytest.raises(InputError, match=f"^--{'labels' if labels else 'text'}=") as refused:
        asking.find(labels, text, names)
    assert said in str(refused.value)


def test_sample_draws_what_it_is_asked_for(
    command: Command, tmp_path: Path, saved_model: Path, session: Session
) -> None:
    def sampled(output: str, *flags: str) -> Path:
        source = f"--saved_model={saved_model}"
        finished = command("sample", source, f"--output={output}", "--seed=7", *flags)
        assert (finished.returncode, finished.stderr) == (0, ""), finished.stderr
        return tmp_path / output

    exported = servable.load(saved_model)
    nearer = np.load(sampled("nearer.npy", "--labels=3,1,4", "--num=8", "--truncation=0.5"))
    labels = np.array([3, 1, 4, 3, 1, 4, 3, 1])
    assert near(nearer, exported.draw(exported.latents(8, 7) / np.float32(2), labels))

    written = tiles(sampled("2026.png", "--text=2026"))
    assert written.shape == (1, 4, 28, 28)
    expected = exported.draw(exported.latents(4, 7), np.array([2, 0, 2, 6]))
    assert near(written[0], expected[..., 0])
    served = session("generate", {"seeds": [7], "labels": [2]})["images"]
    assert near(written[0, :1], served[..., 0])

    everything = tiles(sampled("all.png", "--labels=all"))
    assert everything.shape == (10, 8, 28, 28)
    for digit in (0, 9):
        row = exported.draw(exported.latents(8, 7), np.full(8, digit))
        assert near(everything[digit], row[..., 0])

    by_share = np.load(sampled("by_share.npy", "--num=9"))
    assert near(by_share, exported.sample(9, 7))


def test_an_unconditional_export_says_that_it_has_no_classes(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    for flag in ("--labels=3", "--text=3"):
        finished = command("sample", f"--run_dir={trained}", flag, "--output=a.png")
        assert "draws no class on request; train with --conditional" in one_line(finished)
    with rest(Session(trained / "export" / "1")) as url:
        finished = command("client", f"--url={url}", "--text=3", "--output=a.png")
    assert "--labels and --text need a conditional model" in one_line(finished)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def servers(session: Session) -> Iterator[tuple[str, str]]:
    """The addresses of the two interfaces."""
    with rest(session) as http, rpc(session) as grpc_address:
        yield http, grpc_address


@pytest.mark.parametrize("interface", [0, 1], ids=["REST", "gRPC"])
def test_the_client_draws_what_it_is_asked_for(
    command: Command, tmp_path: Path, servers: tuple[str, str], session: Session, interface: int
) -> None:
    def served(*flags: str) -> np.ndarray:
        url = f"--url={servers[interface]}"
        finished = command("client", url, "--output=a.png", *flags)
        assert (finished.returncode, finished.stderr) == (0, ""), finished.stderr
        return tiles(tmp_path / "a.png")

    def images(seeds: object, labels: object) -> np.ndarray:
        return session("generate", {"seeds": seeds, "labels": labels})["images"][..., 0]

    written = served("--text=2026")
    np.testing.assert_array_equal(written, images(range(4), [2, 0, 2, 6])[np.newaxis])
    of_one = served("--text=2026", "--seeds=7")
    np.testing.assert_array_equal(of_one, images([7] * 4, [2, 0, 2, 6])[np.newaxis])
    fives = served("--labels=5", "--seeds=1,2,3,4")
    np.testing.assert_array_equal(fives.reshape(4, 28, 28), images([1, 2, 3, 4], [5] * 4))
    nearer = served("--labels=5,3", "--seeds=1,2", "--truncation=0.5")
    asked = {"seeds": [1, 2], "labels": [5, 3], "truncations": [0.5, 0.5]}
    truncated = session("generate_truncated", asked)["images"][..., 0]
    np.testing.assert_array_equal(nearer.reshape(2, 28, 28), truncated)
    everything = served("--labels=all")  # More than one request holds.
    assert everything.shape == (10, 8, 28, 28)
    np.testing.assert_array_equal(everything[9], images(range(8), [9] * 8))
    assert served("--labels=all", "--seeds=1,2").shape == (10, 2, 28, 28)


@pytest.mark.parametrize("interface", [0, 1], ids=["REST", "gRPC"])
def test_the_client_names_what_is_no_class(
    command: Command, tmp_path: Path, servers: tuple[str, str], interface: int
) -> None:
    url = f"--url={servers[interface]}"
    assert "characters that there are: 0123456789" in one_line(command("client", url, "--text=cat"))
    assert "no class is called '11'; there are 0, 1" in one_line(
        command("client", url, "--labels=1,11")
    )
    assert "labels" in one_line(command("client", url, "--seeds=1"))
    assert list(tmp_path.iterdir()) == []


def test_the_requests_of_the_page_are_answered(servers: tuple[str, str], tmp_path: Path) -> None:
    """Every curl command of it, against the stand-in."""
    text = (ROOT / "docs" / "conditional.md").read_text(encoding="utf-8")
    bodies = re.findall(r"-d '(\{.*?\})'", text)
    assert len(bodies) == 3
    url = f"{servers[0]}/v1/models/gan_tf:predict"
    for body in bodies:
        answer = requests.post(url, data=body, timeout=30)
        assert (answer.status_code, len(answer.json()["predictions"])) == (200, 1)
    assert answer.json()["predictions"] == [DIGITS]


def test_a_plain_request_says_what_is_wrong(servers: tuple[str, str]) -> None:
    rows = [{"seeds": 7, "labels": 10}]
    body = json.dumps({"signature_name": "generate_png", "instances": rows})
    answer = requests.post(f"{servers[0]}/v1/models/gan_tf:predict", data=body, timeout=30)
    assert answer.status_code == 400
    assert "labels must be from 0 to 9" in answer.json()["error"]


def test_other_formats_take_labels_and_give_no_image_of_what_is_no_class(
    command: Command, tmp_path: Path, conditional: Path, session: Session
) -> None:
    flags = [f"--{name}" for name in CONVERTERS]
    finished = command("export", f"--run_dir={conditional}", "--output=out", *flags)
    assert finished.returncode == 0, finished.stderr
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    extra = tmp_path / "out" / "1" / "assets.extra"
    onnx = onnxruntime.InferenceSession(extra / "generator.onnx")
    lite = Interpreter(str(extra / "generator.tflite")).get_signature_runner("serving_default")
    z, labels = np.random.default_rng(0).normal(size=(7, 64)).astype(np.float32), np.arange(3, 10)
    expected = session("serving_default", {"latents": z, "labels": labels})["images"]
    (images,) = onnx.run(["images"], {"latents": z, "labels": labels})
    np.testing.assert_allclose(images, expected, atol=1e-5)
    images = lite(latents=z, labels=labels)["images"]
    np.testing.assert_allclose(images, expected, atol=1e-5)
    for wrong in (labels + 7, labels - 10):
        assert np.isnan(onnx.run(["images"], {"latents": z, "labels": wrong})[0]).all()
        assert np.isnan(lite(latents=z, labels=wrong)["images"]).all()


@pytest.mark.parametrize("classes", [{}, {"cat": 5, "dog": "many"}, 5])
def test_a_description_that_does_not_fit_is_refused(
    tmp_path: Path, saved_model: Path, classes: object
) -> None:
    (tmp_path / "assets.extra").mkdir()
    for name in ("saved_model.pb", "variables"):
        (tmp_path / name).symlink_to(saved_model / name)
    about = json.loads((saved_model / "assets.extra" / "gan_tf.json").read_text())
    text = json.dumps(about | {"classes": classes})
    (tmp_path / "assets.extra" / "gan_tf.json").write_text(text)
    reason = "must be a SavedModel that gan_tf" if classes else "names no classes, the SavedModel"
    with pytest.raises(InputError, match=reason):
        servable.load(tmp_path)
