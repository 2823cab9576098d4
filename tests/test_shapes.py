"""Images of other shapes, in colour and with alpha: trained, resumed, judged, sampled, exported and
served."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from benchmarks.session import Session
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_tf.serving import servable
from gan_tf.training import run_directory

from .conftest import Command, Once, assert_same_bits, dataset_of, executed, one_line
from .processes import run_warm
from .standins import rest

SHAPE = (24, 32, 3)  # Neither square nor grey.
ALPHA_SHAPE = (12, 8, 4)
FLAGS = (
    *("--data_dir=data", "--batch_size=8", "--log_every=1"),
    *("--sample_every=2", "--checkpoint_every=2", "--evaluate_every=2", "--evaluate_images=100"),
)


@pytest.fixture(scope="session")
def colour(once: Once, mnist: dict[str, np.ndarray]) -> Path:
    """A data directory with a labelled dataset of SHAPE: digits, each on a colour of its own."""

    def make(place: Path) -> None:
        rng = np.random.default_rng(0)
        arrays = {}
        for split, number in (("train", 600), ("test", 200)):
            digits = mnist[f"{split}_images"][:number, 2:26]
            paper = rng.integers(0, 255, (number, 1, 1, 3))
            images = np.maximum(np.pad(digits, ((0, 0), (0, 0), (2, 2), (0, 0))), paper)
            arrays[f"{split}_images"] = images.astype(np.uint8)
            arrays[f"{split}_labels"] = mnist[f"{split}_labels"][:number]
        dataset_of(place, "colour", **arrays)

    return once("colour", make)


@pytest.fixture(scope="session")
def alpha(once: Once) -> Path:
    """A data directory with a labelled dataset of ALPHA_SHAPE: bars of any colour on nothing."""

    def make(place: Path) -> None:
        rng = np.random.default_rng(0)
        arrays: dict[str, np.ndarray] = {}
        for split, number in (("train", 200), ("test", 100)):
            labels = rng.integers(0, 2, number)
            images = np.zeros((number, *ALPHA_SHAPE), np.uint8)
            colours = rng.integers(0, 256, (number, 1, 1, 3))
            images[:, 4:8], images[:, 4:8, :, :3] = 255, colours
            images[labels == 1] = np.roll(images[labels == 1], 4, axis=1)
            arrays |= {f"{split}_images": images, f"{split}_labels": labels}
        dataset_of(place, "alpha", **arrays)

    return once("alpha", make)


def four_steps(place: Path, home: Path, dataset: str, data: Path) -> None:
    """Trains four steps, judged by a classifier of the dataset's own labels."""
    (place / "data").symlink_to(data)
    flags = (*FLAGS, f"--dataset={dataset}", "--run_dir=run", "--steps=4", "--classifier=train")
    finished = run_warm("train", *flags, cwd=place, home=home, timeout=300)
    assert finished.returncode == 0, finished.stderr


@pytest.fixture(scope="session")
def run(once: Once, colour: Path, home: Path) -> Path:
    """The run directory of four steps in colour."""
    return once("colour-run", lambda place: four_steps(place, home, "colour", colour)) / "run"


@pytest.fixture(scope="session")
def alpha_run(once: Once, alpha: Path, home: Path) -> Path:
    """The run directory of four steps on images with alpha."""
    return once("alpha-run", lambda place: four_steps(place, home, "alpha", alpha)) / "run"


def test_a_colour_run_leaves_pictures_in_colour(run: Path) -> None:
    assert run_directory.read(run).data.image_shape == SHAPE
    with Image.open(run / "samples" / "step-00000004.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (2 * (8 * 33 + 1), 2 * (8 * 25 + 1)))
    with Image.open(run / "samples.gif") as gif:
        assert getattr(gif, "n_frames", 1) == 3
    best = json.loads((run / "result.json").read_text())["best"]
    assert np.isfinite(best["frechet_distance"])
    assert 0 <= best["near_copies"] <= 1


def test_a_run_with_alpha_leaves_transparent_pictures_and_opaque_films(alpha_run: Path) -> None:
    grid = alpha_run / "samples" / "step-00000004.png"
    with Image.open(grid) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (2 * (8 * 9 + 1), 2 * (8 * 13 + 1)))
        white = Image.new("RGBA", picture.size, "white")
        expected = np.asarray(Image.alpha_composite(white, picture).convert("RGB"))
        opacity = np.asarray(picture)[..., 3]
    assert (opacity.min(), opacity[:2].max(), opacity[:, :2].max()) == (0, 0, 0), "its border"
    assert 0 < opacity.max() < 255, "four steps are not enough to be sure"
    accumulator = EventAccumulator(str(alpha_run / "tensorboard"), size_guidance={"tensors": 0})
    accumulator.Reload()
    _, _, png = tf.make_ndarray(accumulator.Tensors("samples")[-1].tensor_proto)
    np.testing.assert_array_equal(tf.io.decode_png(png), expected)
    with Image.open(alpha_run / "samples.gif") as gif:
        gif.seek(getattr(gif, "n_frames", 1) - 1)
        film = np.asarray(gif.convert("RGB"))
    np.testing.assert_allclose(film[: len(expected)], expected, atol=16)  # Of 256 colours.
    best = json.loads((alpha_run / "result.json").read_text())["best"]
    assert np.isfinite(best["frechet_distance"])


@pytest.mark.parametrize(("arch", "dataset"), [("dcgan", "colour"), ("mlp", "alpha")])
def test_it_resumes_with_the_same_bits(
    command: Command, tmp_path: Path, colour: Path, alpha: Path, arch: str, dataset: str
) -> None:
    (tmp_path / "data").symlink_to({"colour": colour, "alpha": alpha}[dataset])
    network = (f"--arch={arch}", f"--dataset={dataset}")
    common = (*FLAGS, *network, "--evaluate_every=0", "--export=none")
    for run_dir, steps in (("whole", 4), ("parts", 2), ("parts", 4)):
        finished = command("train", *common, f"--run_dir={run_dir}", f"--steps={steps}")
        assert finished.returncode == 0, finished.stderr
    assert executed(finished.stdout) == 2
    assert_same_bits(tmp_path / "whole", tmp_path / "parts", 4)


def test_it_is_sampled_judged_and_exported_for_every_runtime(
    command: Command, tmp_path: Path, run: Path, colour: Path, data_dir: Path
) -> None:
    sampled = command("sample", f"--run_dir={run}", "--num=5", "--output=images.npy")
    assert sampled.returncode == 0, sampled.stderr
    images = np.load(tmp_path / "images.npy")
    assert images.shape == (5, *SHAPE)
    assert len(np.unique(images[0, ..., 0] - images[0, ..., 1].astype(int))) > 1, "it is grey"
    flags = ("--num=100", "--seeds=0", "--classifier=train", f"--data_dir={colour}")
    judged = command("evaluate", f"--run_dir={run}", *flags)
    assert judged.returncode == 0, judged.stderr
    mnist = (f"--data_dir={data_dir}", "--dataset=mnist", "--num=100")
    other = command("evaluate", f"--run_dir={run}", *mnist)
    assert "has images of 28x28x1; " in one_line(other)
    exported = command("export", f"--run_dir={run}", "--onnx", "--litert", "--output=out")
    assert exported.returncode == 0, exported.stderr
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    extra = tmp_path / "out" / "1" / "assets.extra"
    z = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32)
    expected = servable.load(tmp_path / "out" / "1").generate(z)
    (onnx,) = onnxruntime.InferenceSession(extra / "generator.onnx").run(None, {"latents": z})
    np.testing.assert_allclose(onnx, expected, atol=1e-5)
    lite = Interpreter(str(extra / "generator.tflite")).get_signature_runner("serving_default")
    np.testing.assert_allclose(lite(latents=z)["images"], expected, atol=1e-5)


def test_it_is_served_and_the_client_draws_it(command: Command, tmp_path: Path, run: Path) -> None:
    saved_model = run / "export" / "1"
    session = Session(saved_model)
    images = session("generate", {"seeds": [7, 8]})["images"]
    assert images.shape == (2, *SHAPE)
    logits = session("discriminate", {"images": images})["logits"]
    assert np.isfinite(logits).all()
    halfway = session("interpolate", {"seeds_from": [7], "seeds_to": [8], "fractions": [0.0]})
    np.testing.assert_array_equal(halfway["images"][0], images[0])
    with rest(session) as url:
        finished = command("client", f"--url={url}", "--seeds=7,8", "--output=two.png")
    assert finished.returncode == 0, finished.stderr
    with Image.open(tmp_path / "two.png") as picture:
        pixels = np.asarray(picture)[::2, ::2]
    assert pixels.shape[2] == 3
    np.testing.assert_array_equal(pixels[1:25, 1:33], images[0])
    png = tf.saved_model.load(str(saved_model)).signatures["generate_png"]
    decoded = tf.io.decode_png(png(seeds=tf.constant([7], tf.int64))["png_bytes"][0])
    np.testing.assert_array_equal(decoded, images[0])


def test_with_alpha_it_is_served_and_the_client_draws_it(
    command: Command, tmp_path: Path, alpha_run: Path
) -> None:
    saved_model = alpha_run / "export" / "1"
    about = servable.read_metadata(saved_model)
    assert about["pixels"].startswith("red, green, blue, straight alpha; ")
    session = Session(saved_model)
    images = session("generate", {"seeds": [7, 8]})["images"]
    assert images.shape == (2, *ALPHA_SHAPE)
    assert np.isfinite(session("discriminate", {"images": images})["logits"]).all()
    for image, png in zip(
        images, session("generate_png", {"seeds": [7, 8]})["png_bytes"], strict=True
    ):
        with Image.open(io.BytesIO(png)) as picture:
            assert picture.mode == "RGBA"
            np.testing.assert_array_equal(np.asarray(picture), image)
    with rest(session) as url:
        finished = command("client", f"--url={url}", "--seeds=7,8", "--output=two.png")
    assert finished.returncode == 0, finished.stderr
    sampled = command("sample", f"--saved_model={saved_model}", "--seed=7", "--output=seven.png")
    assert sampled.returncode == 0, sampled.stderr
    for name in ("two.png", "seven.png"):
        with Image.open(tmp_path / name) as picture:
            first = np.asarray(picture)[::2, ::2][1:13, 1:9].astype(int)
        np.testing.assert_allclose(first, images[0], atol=1)


def test_a_run_whose_images_have_changed_shape_is_refused(
    command: Command, tmp_path: Path, run: Path, mnist: dict[str, np.ndarray]
) -> None:
    some = {name: array[:200] for name, array in mnist.items()}
    dataset_of(tmp_path / "data", "colour", **some)
    shutil.copytree(run, tmp_path / "run")
    flags = (*FLAGS, "--dataset=colour", "--run_dir=run", "--steps=6", "--classifier=train")
    line = one_line(command("train", *flags))
    assert "the images of colour were 24x32x3 and are now 28x28x1" in line
