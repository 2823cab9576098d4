"""People's own images, from a folder or an array to a served generator, as a user has them."""

from __future__ import annotations

import functools
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from gan_tf.data.dataset import open_dataset
from gan_tf.data.images.wanted import Wanted
from gan_tf.host import archive
from gan_tf.host.errors import InputError
from gan_tf.serving import servable

from .conftest import (
    Command,
    assert_same_bits,
    executed,
    metrics,
    one_line,
    without_timings,
)
from .processes import start
from .scenes import picture
from .test_ends import content_of
from .test_faults import killed_at

FLAGS = (
    *("--images=photos", "--data_dir=data", "--run_dir=run", "--arch=mlp", "--batch_size=4"),
    *("--log_every=1", "--sample_every=2", "--checkpoint_every=2"),
)


def photograph(size: tuple[int, int], orientation: int) -> bytes:
    """A JPEG of a camera that was held in some way."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    colours = np.random.default_rng(0).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    Image.fromarray(colours).resize(size).save(file, format="JPEG", exif=exif)
    return file.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder as it lies about: two kinds of pictures, two files that are broken."""
    place = tmp_path / "photos"
    for number in range(24):
        kind = "cats" if number % 2 else "dogs"
        (place / kind).mkdir(parents=True, exist_ok=True)
        (place / kind / f"{number}.PNG").write_bytes(picture(number))
    (place / "cats" / "zo\u00eb \u732b.jpeg").write_bytes(photograph((160, 96), 6))
    transparent = Image.new("RGBA", (40, 48), (250, 20, 20, 128))
    transparent.save(place / "dogs" / "logo.webp")
    Image.new("L", (32, 32), 7).save(place / "dogs" / "grey.tif")
    (place / "dogs" / "cut.png").write_bytes(picture(99)[:200])
    (place / "dogs" / "none.jpg").write_bytes(b"")
    (place / "Thumbs.db").write_bytes(b"x")
    return place


@pytest.mark.usefixtures("photos")
def test_a_folder_becomes_a_generator(command: Command, tmp_path: Path) -> None:
    finished = command("train", *FLAGS, "--steps=2", "--licence=CC0 1.0")
    assert finished.returncode == 0, finished.stderr
    said = finished.stderr.replace("\r", "\n").splitlines()
    (left_out,) = (line for line in said if "left out 2 of " in line)
    assert "imported.json" in left_out
    assert any(line.startswith("mlp on photos: ") for line in said)
    (judged,) = (line for line in said if line.startswith("evaluation: none, so the last average"))
    assert re.search(r"photos has 2\d training images, and 40 are needed to judge by", judged)
    assert "gan_tf.evaluate" not in finished.stdout
    about = json.loads((tmp_path / "run" / "config.json").read_text())["data"]
    assert (about["name"], about["image_shape"]) == ("photos", [32, 32, 3])
    exported = servable.load(tmp_path / "run" / "export" / "1")
    assert exported.metadata["licence"] == "CC0 1.0"
    assert exported.metadata["digest"] == about["digest"]
    assert str(tmp_path) not in json.dumps(exported.metadata), "a path of this machine"
    sampled = command("sample", "--run_dir=run", "--num=4", "--output=four.npy")
    assert sampled.returncode == 0, sampled.stderr
    assert np.load(tmp_path / "four.npy").shape == (4, 32, 32, 3)


def test_a_run_goes_on_with_the_images_that_it_began_with(
    command: Command, tmp_path: Path, home: Path, photos: Path
) -> None:
    flags = (*FLAGS, "--export=none")
    assert command("train", *flags, "--steps=4", "--run_dir=whole").returncode == 0
    assert command("train", *flags, "--steps=2", "--licence=CC0 1.0").returncode == 0
    (photos / "cats" / "new.png").write_bytes(picture(50))
    (photos / "cats" / "1.PNG").unlink()
    longer = command("train", *flags, "--steps=4")
    assert longer.returncode == 0, longer.stderr
    assert "has changed since it was imported (1 added, 1 removed); this run" in longer.stderr
    assert executed(longer.stdout) == 2
    assert_same_bits(tmp_path / "whole", tmp_path / "run", 4)
    process = start("train", *flags, "--steps=6", "--workers=2", cwd=tmp_path, home=home)
    output, errors = process.communicate(timeout=240)
    assert (process.returncode, executed(output)) == (0, 2), errors
    # Another run sees the folder as it is now; the cache of the old ones stays.
    other = command("train", *flags, "--steps=2", "--run_dir=other")
    assert "has changed since its last import: 1 added, 1 removed" in other.stderr
    caches = sorted(tmp_path.glob("data/gan_tf/images/photos-*"))
    assert len(caches) == 2
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    assert content["config"]["licence"] == "CC0 1.0", "it is kept where it is not said again"
    began = content["data"]["digest"]
    (old,) = (path for path in caches if began.startswith(path.name.removeprefix("photos-")))
    shutil.rmtree(old)
    before = metrics(tmp_path / "run")
    refused = one_line(command("train", *flags, "--steps=8"))
    assert "photos held other images when it began" in refused
    assert metrics(tmp_path / "run") == before


def test_a_link_that_leads_to_other_pictures_is_a_change(
    command: Command, tmp_path: Path, photos: Path
) -> None:
    shutil.copytree(photos, tmp_path / "others")
    (tmp_path / "others" / "cats" / "new.png").write_bytes(picture(50))
    (tmp_path / "link").symlink_to("photos")
    flags = (*FLAGS, "--images=link", "--export=none")
    assert command("train", *flags, "--steps=2").returncode == 0
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("others")
    longer = command("train", *flags, "--steps=3")
    assert (longer.returncode, executed(longer.stdout)) == (0, 1), longer.stderr
    assert "link has changed since it was imported (it leads to pictures that" in longer.stderr


def test_a_run_of_which_nothing_came_begins_again_with_the_images_that_it_asks_for_now(
    command: Command, tmp_path: Path, home: Path, photos: Path
) -> None:
    flags = (*FLAGS, "--checkpoint_every=1000000", "--export=none")
    process = start("train", *flags, "--steps=1000000", cwd=tmp_path, home=home)
    killed_at(process, tmp_path / "run", 1)
    (photos / "cats" / "new.png").write_bytes(picture(50))
    asked = (*flags, "--steps=2", "--image_size=28", "--channels=1")
    again = command("train", *asked)
    assert again.returncode == 0, again.stderr
    assert "this run goes on" not in again.stderr
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    assert content["data"]["image_shape"] == [28, 28, 1]
    assert content["data"]["digest"] == digest_of(command, tmp_path, *asked)


def digest_of(command: Command, place: Path, *flags: str) -> str:
    """The digest of the images of a run that begins elsewhere."""
    assert command("train", *flags, "--run_dir=elsewhere").returncode == 0
    content = json.loads((place / "elsewhere" / "config.json").read_text())
    return str(content["data"]["digest"])


def test_a_run_keeps_the_classifier_that_judges_it(command: Command, tmp_path: Path) -> None:
    """Trained again, on another processor say, it may become another one."""
    for number in range(130):
        place = tmp_path / "photos" / f"kind {number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(picture(number))
    judged = ("--classifier=train", "--evaluate_every=2", "--evaluate_images=100")
    flags = (*FLAGS, *judged, "--on_collapse=ignore", "--export=none")
    assert command("train", *flags, "--steps=4", "--run_dir=whole").returncode == 0
    assert command("train", *flags, "--steps=2").returncode == 0
    (path,) = tmp_path.glob("data/gan_tf/images/photos-*/classifier.npz")
    assert (tmp_path / "run" / "classifier.npz").read_bytes() == path.read_bytes()
    arrays = archive.load(path)
    halved = {name: np.multiply(each, 0.5) for name, each in arrays.items() if each.ndim > 1}
    archive.write(path, arrays | halved)
    longer = command("train", *flags, "--steps=4")
    assert (longer.returncode, executed(longer.stdout)) == (0, 2), longer.stderr
    assert without_timings(metrics(tmp_path / "run")) == without_timings(
        metrics(tmp_path / "whole")
    )
    names = [
        json.loads((tmp_path / run / "result.json").read_text())["classifier"]
        for run in ("run", "whole")
    ]
    assert names[0] == names[1]
    (tmp_path / "run" / "classifier.npz").unlink()
    before = content_of(tmp_path / "run")
    other = command("train", *flags, "--steps=6")
    assert other.returncode == 2
    assert "is not the one of its figures" in other.stderr
    assert content_of(tmp_path / "run") == before


def test_a_class_without_a_training_image_is_named(command: Command, tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / "photos" / f"class {number}").mkdir(parents=True)
        (tmp_path / "photos" / f"class {number}" / "1.png").write_bytes(picture(number))
    finished = command("train", *FLAGS, "--conditional=projection", "--held_out=0", "--steps=1")
    assert finished.returncode == 0, finished.stderr
    counted = json.loads((tmp_path / "run" / "config.json").read_text())["data"]["classes"]
    (bare,) = [name for name, number in counted.items() if not number]
    told = f"warning: no training image is of the class {bare}, so what the generator draws"
    assert len([x for x in finished.stderr.splitlines() if x.startswith(told)]) == 1


def test_a_dry_run_reads_no_picture(command: Command, tmp_path: Path, photos: Path) -> None:
    def follows(*flags: str) -> dict[str, str]:
        finished = command("train", *FLAGS, *flags, "--dry_run")
        assert finished.returncode == 0, finished.stderr
        found: dict[str, str] = json.loads(finished.stdout)["follows"]
        return found

    assert "not prepared yet" in follows()["epochs"]
    assert not (tmp_path / "data").exists()
    assert command("train", *FLAGS, "--steps=1", "--export=none").returncode == 0
    shutil.rmtree(photos)
    photos.mkdir()
    assert re.match(r"of 2\d images", follows("--run_dir=other")["epochs"])


def own_pets(data_dir: Path, side: int | None, named: bool = False) -> None:
    """Makes a dataset of TFDS, as `cats_vs_dogs` is made, of squares or of many sizes, with
    classes or with names."""
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(side, side, 3)),
            "label": tfds.features.Text() if named else tfds.features.ClassLabel(num_classes=2),
        }
    )
    rng = np.random.default_rng(0)

    def examples(number: int) -> Iterator[dict[str, Any]]:
        for i in range(number):
            shape = (*((side, side) if side else rng.integers(20, 90, 2)), 3)
            yield {
                "image": rng.integers(0, 256, shape, np.uint8),
                "label": f"pet {i}" if named else i % 2,
            }

    signature = {
        "image": tf.TensorSpec([side, side, 3], tf.uint8),
        "label": tf.TensorSpec([], tf.string if named else tf.int64),
    }
    splits = {
        name: tf.data.Dataset.from_generator(
            functools.partial(examples, number), output_signature=signature
        )
        for name, number in (("train", 12), ("test", 4))
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="own_pets",
        version="1.0.0",
        features=features,
        split_datasets=splits,
        data_dir=data_dir,
    )


def test_a_dataset_of_many_sizes_becomes_squares(command: Command, tmp_path: Path) -> None:
    own_pets(tmp_path / "data", None)
    flags = ("--dataset=own_pets", *(flag for flag in FLAGS if flag != "--images=photos"))
    refused = one_line(command("train", *flags, "--steps=1"))
    assert "has images of more than one size; --image_size=64 makes squares of them" in refused
    flags += ("--image_size=32", "--fit=pad")
    finished = command("train", *flags, "--steps=2", "--export=none")
    assert finished.returncode == 0, finished.stderr
    assert "mlp on own_pets: 12 images" in finished.stderr
    about = json.loads((tmp_path / "run" / "config.json").read_text())["data"]
    assert about["image_shape"] == [32, 32, 3]
    again = command("train", *flags, "--steps=3", "--export=none")
    assert executed(again.stdout) == 1


def test_a_text_beside_an_image_is_no_class(tmp_path: Path) -> None:
    """As in `lfw`, where the label is a name."""
    own_pets(tmp_path, 32, named=True)
    for wanted in (Wanted(), Wanted(channels="1")):
        found = open_dataset("own_pets", tmp_path, wanted=wanted)
        assert found.split("train").labels.tolist() == [0] * 12
        assert not found.names


def test_a_dataset_in_other_channels_keeps_its_size(tmp_path: Path) -> None:
    own_pets(tmp_path / "one_size", 32)
    found = open_dataset("own_pets", tmp_path / "one_size", wanted=Wanted(channels="1"))
    assert found.description.image_shape == (32, 32, 1)
    own_pets(tmp_path / "many", None)
    with pytest.raises(InputError, match="has images of more than one size; --image_size=64"):
        open_dataset("own_pets", tmp_path / "many", wanted=Wanted(channels="1"))


PROGRAM = """
import sys
import numpy as np
from gan_tf.config import Config
from gan_tf.training.run import train

again, steps = sys.argv[2:] == ["again"], int(sys.argv[1])
seed = sys.argv[2:] == ["others"]
images = np.random.default_rng(seed).integers(0, 256, (60, 28, 28, 4), np.uint8)
config = Config(arch="mlp", data_dir="data", run_dir="run", batch_size=4, steps=steps, channels="4",
    images="<arrays>" if again else None)
given = {} if again else {"images": images, "labels": np.arange(60) % 3}
print(train(config, **given).steps)
"""


def test_arrays_of_a_program_are_trained_on(tmp_path: Path, home: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            cwd=tmp_path,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    first = run("2")
    assert (first.returncode, first.stdout) == (0, "2\n"), first.stderr
    about = json.loads((tmp_path / "run" / "config.json").read_text())
    assert about["data"]["image_shape"] == [28, 28, 4]
    assert about["config"]["images"] == "<arrays>"
    again = run("3", "again")  # It needs them no more.
    assert (again.returncode, again.stdout) == (0, "3\n"), again.stderr
    assert "has changed" not in again.stderr
    others = run("4", "others")
    assert "array held other images when it began" in others.stderr.splitlines()[-1]


def test_a_run_within_a_folder_is_no_picture_of_it(
    command: Command, tmp_path: Path, photos: Path
) -> None:
    """The default run directory lies below the working directory, which may be the folder."""
    flags = (
        *(f"--data_dir={tmp_path / 'data'}", "--arch=mlp", "--batch_size=4", "--steps=1"),
        *("--evaluate_every=0", "--export=none", "--conditional=concat"),
    )
    for run_dir in ("photos/runs/one", "photos/runs/two"):
        finished = command("train", *flags, "--images=photos", f"--run_dir={run_dir}")
        assert finished.returncode == 0, finished.stderr
        (tmp_path / run_dir / "run.lock").unlink()  # It is a run's without that, too.
    for run_dir in ("one", "two"):
        about = json.loads((photos / "runs" / run_dir / "config.json").read_text())["data"]
        assert list(about["classes"]) == ["cats", "dogs"]
    assert "import" not in finished.stderr, "nothing changed"
    refused = one_line(command("train", *flags, "--images=photos/runs/one", "--run_dir=three"))
    assert "is a run directory, whose pictures are samples" in refused
