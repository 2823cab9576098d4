"""`python -m gan_tf.sample`: grids, single pictures and arrays, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from .conftest import Command, one_line
from .processes import run_mounted


def array(command: Command, tmp_path: Path, source: str, *flags: str) -> np.ndarray:
    finished = command("sample", source, "--output=new/a.npy", *flags)
    assert (finished.returncode, finished.stdout) == (0, "new/a.npy\n"), finished.stderr
    loaded: np.ndarray = np.load(tmp_path / "new" / "a.npy", allow_pickle=False)
    return loaded


def test_a_film_passes_from_image_to_image(command: Command, tmp_path: Path, trained: Path) -> None:
    source = f"--run_dir={trained}"
    pixels = array(command, tmp_path, source, "--num=3", "--seed=5")
    finished = command("sample", source, "--num=3", "--seed=5", "--output=film.gif")
    assert (finished.returncode, finished.stdout) == (0, "film.gif\n"), finished.stderr
    with Image.open(tmp_path / "film.gif") as picture:
        frames = [frame.convert("L") for frame in ImageSequence.Iterator(picture)]
    assert {frame.size for frame in frames} == {(112, 112)}
    shown = [np.asarray(frame, np.int64)[::4, ::4] for frame in frames]
    assert len(shown) == 48
    for place, image in enumerate(pixels):
        np.testing.assert_array_equal(shown[16 * place], image[..., 0])
    steps = [np.abs(a - b).mean() for a, b in zip(shown, [*shown[1:], shown[0]], strict=True)]
    assert max(steps) < 0.3 * np.abs(pixels[0].astype(int) - pixels[1]).mean(), "no jump"


def test_an_array_a_grid_and_single_pictures_agree(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    source = f"--run_dir={trained}"
    pixels = array(command, tmp_path, source, "--num=12", "--seed=5")
    assert pixels.shape == (12, 28, 28, 1)
    assert pixels.dtype == np.uint8
    assert len({image.tobytes() for image in pixels}) == 12
    assert pixels.min() < 20
    assert pixels.max() > 235
    (tmp_path / "disk").mkdir()
    (tmp_path / "single").symlink_to("disk")
    command("sample", source, "--num=12", "--seed=5", "--output=single")
    names = [f"{index:02d}.png" for index in range(12)]
    assert sorted(path.name for path in (tmp_path / "single").iterdir()) == names
    for name, image in zip(names, pixels, strict=True):
        with Image.open(tmp_path / "single" / name) as picture:
            np.testing.assert_array_equal(np.asarray(picture), image[..., 0])
    finished = command("sample", source, "--num=12", "--seed=5", "--output=grid.PNG")
    assert finished.stderr == ""
    with Image.open(tmp_path / "grid.PNG") as picture:
        grid = np.asarray(picture)[::2, ::2]
    np.testing.assert_array_equal(grid[1:29, 30:58], pixels[1, ..., 0])


def test_the_seed_decides_and_the_number_does_not(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    source = f"--saved_model={trained / 'export' / '1'}"
    few = array(command, tmp_path, source, "--num=3", "--seed=1")
    np.testing.assert_array_equal(array(command, tmp_path, source, "--num=3", "--seed=1"), few)
    many = array(command, tmp_path, source, "--num=300", "--seed=1")
    assert np.abs(many[:3].astype(int) - few).max() <= 1
    assert not np.array_equal(array(command, tmp_path, source, "--num=3", "--seed=2"), few)


def test_a_read_only_disk_is_named_by_what_was_to_be_written(
    tmp_path: Path, home: Path, trained: Path
) -> None:
    (tmp_path / "disk").mkdir()
    mount, flags = "mount -t tmpfs -o ro none disk", (f"--run_dir={trained}", "--output=disk/a.png")
    finished = run_mounted(mount, "sample", *flags, cwd=tmp_path, home=home)
    assert one_line(finished) == "gan_tf.sample: disk/a.png: Read-only file system"


def test_a_folder_with_another_programs_configuration_is_no_run(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "other"}')
    finished = command("sample", "--pretrained=mnist", "--num=1", "--output=samples/one.png")
    assert (finished.returncode, finished.stdout) == (0, "samples/one.png\n"), finished.stderr
