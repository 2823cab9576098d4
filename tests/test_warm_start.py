"""A run that begins with the networks of another one."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Command, checkpoint, metrics, one_line
from .processes import start

FLAGS = ("--run_dir=new", "--batch_size=8", "--log_every=1", "--evaluate_every=0", "--export=none")


def first(arrays: dict[str, np.ndarray], group: str) -> np.ndarray:
    return arrays[f"{group}/000"]


@pytest.fixture
def begun(command: Command, tmp_path: Path, trained: Path) -> Path:
    """A run of a step that learns nothing, which has begun with the networks of another one."""
    (tmp_path / "mnist").symlink_to(trained)  # The package's own is called so, too.
    still = ("--generator_lr=0", "--discriminator_lr=0", "--steps=1")
    finished = command("train", *FLAGS, *still, "--init_from=mnist", "--arch=dcgan")
    assert finished.returncode == 0, finished.stderr
    return tmp_path / "new"


def test_it_has_the_weights_of_the_other_run_and_none_of_its_moments(
    begun: Path, trained: Path
) -> None:
    was, now = checkpoint(trained, 150), checkpoint(begun, 1)
    for group in ("generator", "discriminator"):
        np.testing.assert_array_equal(first(was, group), first(now, group))
    assert int(now["step/000"]) == 1
    # After one step the average is a tenth of the old one, and G has not moved.
    average = 0.1 * first(was, "ema_generator") + 0.9 * first(was, "generator")
    np.testing.assert_allclose(first(now, "ema_generator"), average, atol=1e-6)


def test_a_run_that_goes_on_needs_the_other_one_no_more(
    command: Command, tmp_path: Path, begun: Path
) -> None:
    (tmp_path / "mnist").unlink()
    longer = command("train", *FLAGS, "--generator_lr=0", "--discriminator_lr=0", "--steps=2")
    assert longer.returncode == 0, longer.stderr
    assert metrics(begun)[-1]["step"] == 2
    shutil.rmtree(begun)
    refused = one_line(command("train", *FLAGS, "--steps=2", "--init_from=old"))
    assert "--init_from=" in refused
    assert (
        "must be a run directory, a SavedModel such as RUN_DIR/export/1, or one of mnist" in refused
    )


def test_an_export_gives_its_average_to_both(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    flags = (*FLAGS, "--generator_lr=0", "--discriminator_lr=0", "--steps=1")
    finished = command("train", *flags, f"--init_from={trained / 'export' / '1'}")
    assert finished.returncode == 0, finished.stderr
    was, now = checkpoint(trained, 150), checkpoint(tmp_path / "new", 1)
    for group in ("generator", "ema_generator"):
        np.testing.assert_allclose(first(now, group), first(was, "ema_generator"), atol=1e-6)
    np.testing.assert_array_equal(first(was, "discriminator"), first(now, "discriminator"))


@pytest.mark.parametrize("flag", ["--latent_dim=32", "--width=32", "--arch=mlp"])
def test_other_networks_are_named(
    command: Command, tmp_path: Path, trained: Path, flag: str
) -> None:
    finished = command("train", *FLAGS, "--steps=1", f"--init_from={trained}", flag)
    assert finished.returncode == 2
    line = finished.stderr.strip().splitlines()[-1]
    assert "holds dcgan for images of 28x28x1, latents of 64; this run trains " in line
    assert "which have other weights" in line
    assert not list((tmp_path / "new").glob("checkpoints/*"))


def test_networks_of_the_same_shapes_are_others(command: Command) -> None:
    """`mlp` has leaky units where `step_by_step` has none, and as many weights."""
    alike = ("train", *FLAGS, "--steps=1", "--latent_dim=64", "--latents=mixture")
    assert command(*alike, "--arch=step_by_step").returncode == 0
    elsewhere = (*alike, "--init_from=new", "--run_dir=next")
    other = command(*elsewhere, "--arch=mlp")
    assert other.returncode == 2
    assert other.stderr.splitlines()[-1] == (
        "gan_tf.train: --init_from=new: holds step_by_step for images of 28x28x1, latents of 64; "
        "this run trains mlp for images of 28x28x1, latents of 64"
    )
    codes = command(*elsewhere, "--arch=step_by_step", "--latent_codes=4")
    assert codes.returncode == 0, codes.stderr
    said = "--latents=mixture of 16 codes, not mixture of 4 codes"
    assert f"warning: they were trained with {said}" in codes.stderr.splitlines()


def test_a_run_killed_before_its_first_checkpoint_begins_again_with_the_same_networks(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    (tmp_path / "other").symlink_to(trained)
    flags = (*FLAGS, "--generator_lr=0", "--discriminator_lr=0", "--steps=1", "--init_from=other")
    assert command("train", *flags).returncode == 0
    for name in ("checkpoints", "result.json"):  # As if it had been killed.
        path = tmp_path / "new" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (tmp_path / "other").unlink()
    again = command("train", *flags)
    assert again.returncode == 0, again.stderr
    was, now = checkpoint(trained, 150), checkpoint(tmp_path / "new", 1)
    for group in ("generator", "discriminator"):
        np.testing.assert_array_equal(first(was, group), first(now, group))


def test_another_run_in_its_place_reads_the_networks_anew(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    """Nothing came of a first start, so other flags may begin there, with networks of their own."""
    (tmp_path / "other").symlink_to(trained)
    flags = (*FLAGS, "--generator_lr=0", "--discriminator_lr=0", "--steps=1", "--init_from=other")
    assert command("train", *flags).returncode == 0
    shutil.rmtree(tmp_path / "new" / "checkpoints")  # As if it had been killed.
    (tmp_path / "new" / "result.json").unlink()
    (tmp_path / "other").unlink()
    (tmp_path / "other").symlink_to(trained / "export" / "1")  # Whose generator is the average.
    again = command("train", *flags, "--seed=1")
    assert again.returncode == 0, again.stderr
    was, now = checkpoint(trained, 150), checkpoint(tmp_path / "new", 1)
    np.testing.assert_allclose(first(now, "generator"), first(was, "ema_generator"), atol=1e-6)


def test_a_full_disk_does_not_leave_it_with_the_networks_of_another_start(
    command: Command, tmp_path: Path, home: Path, trained: Path
) -> None:
    flags = (*FLAGS, "--generator_lr=0", "--discriminator_lr=0", "--steps=1")
    assert command("train", *flags, f"--init_from={trained}").returncode == 0
    shutil.rmtree(tmp_path / "new" / "checkpoints")  # As if it had been killed.
    (tmp_path / "new" / "result.json").unlink()
    other = (*flags, f"--init_from={trained / 'export' / '1'}")  # Whose generator is the average.

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))

    process = start("train", *other, cwd=tmp_path, home=home, before=limit)
    _, errors = process.communicate(timeout=300)
    assert errors.splitlines()[-1].startswith("gan_tf.train: new/init.npz: File too large"), errors
    again = command("train", *other)
    assert again.returncode == 0, again.stderr
    was, now = checkpoint(trained, 150), checkpoint(tmp_path / "new", 1)
    np.testing.assert_allclose(first(now, "generator"), first(was, "ema_generator"), atol=1e-6)


def test_what_means_something_else_in_the_same_shapes_is_said(
    command: Command, tmp_path: Path, mnist: dict[str, np.ndarray]
) -> None:
    for number, image in enumerate(mnist["train_images"][:40]):
        folder = tmp_path / "pictures" / "abcdefghij"[number % 10]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / f"{number}.png")
    finished = command(
        *("train", *FLAGS, "--steps=1", "--images=pictures", "--data_dir=data", "--image_size=28"),
        *("--conditional=projection", "--init_from=mnist", "--latents=uniform"),
    )
    assert finished.returncode == 0, finished.stderr
    lines = finished.stderr.splitlines()
    said = "warning: their classes were 0, 1, 2 and 7 more: each class here begins as the one that"
    assert f"{said} had its place" in lines
    assert "warning: they were trained with --latents=normal, not uniform" in lines


def test_a_restart_begins_with_the_same_networks_whatever_became_of_the_other_run(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    (tmp_path / "other").symlink_to(trained)
    ill = ("--generator_lr=1000000", "--discriminator_lr=1000000", "--steps=50")
    flags = (*FLAGS, *ill, "--init_from=other", "--on_collapse=restart", "--max_restarts=1")
    restarted = command("train", *flags)
    assert restarted.returncode == 1
    assert "attempt 2 of at most 2, with seed 1" in restarted.stderr
    before = (tmp_path / "new" / "init.npz").read_bytes()
    (tmp_path / "other").unlink()
    again = command("train", *flags)  # Attempt 2 has no checkpoint, and begins once more.
    assert again.returncode == 1, "the same rates fail again"
    assert again.stderr.splitlines()[-1] == restarted.stderr.splitlines()[-1]
    assert (tmp_path / "new" / "init.npz").read_bytes() == before
    with np.load(tmp_path / "new" / "init.npz") as kept:
        was = checkpoint(trained, 150)
        np.testing.assert_array_equal(kept["generator/000"], first(was, "generator"))
        np.testing.assert_array_equal(kept["average/000"], first(was, "ema_generator"))
