"""The SavedModel: as TensorFlow loads it, and as TF Serving's session path does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.host.errors import InputError
from gan_tf.serving import servable
from gan_tf.training import exporting, run_directory

LATENTS = np.random.default_rng(0).normal(size=(7, 64)).astype(np.float32)


@pytest.fixture(scope="module")
def saved_model(trained: Path) -> Path:
    return trained / "export" / "1"


@pytest.fixture(scope="module")
def expected(trained: Path) -> np.ndarray:
    """What the in-memory generator makes of LATENTS."""
    networks = exporting.load_networks(
        run_directory.read(trained), exporting.find_checkpoint(trained, "best")
    )
    assert networks.step == 150
    images: np.ndarray = networks.generator(LATENTS, training=False).numpy()
    assert images.std() > 0.1, "a generator that ignores its latents would prove nothing"
    return images


def test_it_equals_the_generator_in_memory(saved_model: Path, expected: np.ndarray) -> None:
    signature = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    (name, spec), *more = signature.structured_input_signature[1].items()
    assert (name, spec.shape.as_list(), spec.dtype, more) == ("latents", [None, 64], "float32", [])
    images = signature(latents=tf.constant(LATENTS))["images"]
    assert signature.structured_outputs["images"].shape.as_list() == [None, 28, 28, 1]
    assert (images.dtype, images.numpy().min() >= -1, images.numpy().max() <= 1) == (
        tf.float32,
        True,
        True,
    )
    np.testing.assert_allclose(images.numpy(), expected, atol=1e-5)


def test_a_session_loads_it_as_tf_serving_does(saved_model: Path, expected: np.ndarray) -> None:
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(saved_model))
        signature = meta.signature_def["serving_default"]
        images = session.run(
            signature.outputs["images"].name, {signature.inputs["latents"].name: LATENTS}
        )
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_saved_model_cli_runs_it(saved_model: Path, expected: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "latents.npy", LATENTS)
    cli = Path(sys.executable).parent / "saved_model_cli"
    flags = ["--tag_set=serve", "--signature_def=serving_default", f"--outdir={tmp_path}"]
    inputs = f"latents={tmp_path / 'latents.npy'}"
    command = [str(cli), "run", f"--dir={saved_model}", *flags, f"--inputs={inputs}"]
    subprocess.run(command, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "images.npy"), expected, atol=1e-5)


def test_whoever_has_only_the_saved_model_knows_how_to_sample(
    saved_model: Path, trained: Path
) -> None:
    metadata = servable.read_metadata(saved_model)
    assert (metadata["latents"], metadata["latent_dim"]) == ("normal", 64)
    assert (metadata["dataset"], metadata["step"]) == ("mnist", 150)
    assert metadata["config"]["r1_gamma"] == 0.3
    assert metadata["tensorflow"] == tf.__version__
    assert str(trained.parent) not in json.dumps(metadata), "a path of this machine"


@pytest.mark.parametrize("shape", [(3, 63), (64,), (2, 64, 1)])
def test_latents_of_a_wrong_shape_are_refused(saved_model: Path, shape: tuple[int, ...]) -> None:
    signature = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    with pytest.raises((ValueError, TypeError, tf.errors.InvalidArgumentError)):
        signature(latents=tf.zeros(shape))


@pytest.mark.parametrize("truncation", [float("nan"), -1.0, 2.5])
def test_a_truncation_out_of_bounds_is_refused(saved_model: Path, truncation: float) -> None:
    with pytest.raises(InputError, match=r"^truncation=.*: must be from 0 to 2$"):
        servable.load(saved_model).latents(2, seed=0, truncation=truncation)


def test_every_seed_has_latents_of_its_own(saved_model: Path) -> None:
    loaded = servable.load(saved_model)
    seeds = 5, -5, 5 + 2**31, 5 + 2**59, 5 + 2**60, 2**63 - 1, -(2**63)
    assert len({loaded.latents(1, seed).tobytes() for seed in seeds}) == len(seeds)


def test_batches_of_any_size_give_the_same_images(saved_model: Path) -> None:
    loaded = servable.load(saved_model)
    latents = np.random.default_rng(1).normal(size=(600, 64)).astype(np.float32)
    together = loaded.generate(latents)
    np.testing.assert_allclose(loaded.generate(latents[:1]), together[:1], atol=1e-5)
    np.testing.assert_allclose(loaded.generate(latents[500:]), together[500:], atol=1e-5)


@pytest.mark.parametrize("damage", ["latent_dim", "variables", "graph"])
def test_a_damaged_export_is_refused(tmp_path: Path, saved_model: Path, damage: str) -> None:
    path = tmp_path / "1"
    shutil.copytree(saved_model, path)
    if damage == "latent_dim":
        metadata = path / "assets.extra" / "gan_tf.json"
        metadata.write_text(metadata.read_text().replace('"latent_dim": 64', '"latent_dim": 65'))
        reason = "says latents of size 65, the SavedModel takes 64"
    else:
        victim = path / "saved_model.pb"
        if damage == "variables":
            victim = path / "variables" / "variables.data-00000-of-00001"
        victim.write_bytes(victim.read_bytes()[:-5000])
        reason = "truncated or altered"
    with pytest.raises(InputError, match=reason):
        servable.load(path)


def test_something_else_is_refused(tmp_path: Path, saved_model: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    for path in (tmp_path / "missing", tmp_path, tmp_path / "other", saved_model.parent):
        with pytest.raises(InputError, match="must be a SavedModel that gan_tf exported"):
            servable.load(path)
