"""People's own pictures: what comes in, what is left out, and what a second start costs."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, features

from gan_tf.data.dataset import open_images
from gan_tf.data.images import kinds
from gan_tf.data.images.arrays import Arrays, given
from gan_tf.data.images.importing import Imported, changes, import_images, open_imported
from gan_tf.data.images.labels import Labels
from gan_tf.data.images.wanted import METHODS, Wanted
from gan_tf.evaluation.reals import unseen
from gan_tf.host import memory
from gan_tf.host.errors import InputError

SMALL = {"image_size": 28, "channels": "3"}


def picture(seed: int, size: tuple[int, int] = (32, 32), mode: str = "RGB") -> Image.Image:
    """A picture of its own for each seed: smooth, so that a JPEG keeps it."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC).convert(mode)


def fill(folder: Path, number: int, start: int = 0) -> Path:
    """Puts pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(start, start + number):
        picture(seed).save(folder / f"{seed:04}.png")
    return folder


def pack(folder: Path, path: Path, top: str = "") -> Path:
    """Packs a folder as a ZIP archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, f"{top}{file.relative_to(folder)}")
    return path


def bring(source: Path | Arrays, place: Path, **wish: Any) -> tuple[Imported, dict[str, Any]]:
    """Imports a source; returns what came of it, and the record."""
    done = import_images(source, Wanted(**wish), place / "data")
    return done, json.loads((done.directory / "imported.json").read_text())


def images(done: Imported, place: Path) -> np.ndarray:
    """All images, of both splits."""
    splits = open_imported(done.name, done.digest, place / "data")
    return np.concatenate([splits[name].images for name in ("train", "test")])


def one(path: Path, place: Path, **wish: Any) -> np.ndarray:
    """What becomes of one picture, beside another one of one colour."""
    folder = place / f"of {path.name}"
    folder.mkdir()
    shutil.copy(path, folder / path.name)
    Image.new("L", (64, 64), 7).save(folder / "grey.bmp")
    done, _ = bring(folder, place, **{"image_size": 28, **wish})
    (found,) = [each for each in images(done, place) if not (each[..., 0] == 7).all()]
    return np.asarray(found)


def test_pictures_that_could_not_be_read_once_are_imported_when_they_can(tmp_path: Path) -> None:
    """Their names, sizes and times stay as they were."""
    folder = fill(tmp_path / "pictures", 12)
    program = (
        "import sys, pathlib; from gan_tf.data.images.importing import import_images;"
        "from gan_tf.data.images.wanted import Wanted;"
        "import_images(pathlib.Path(sys.argv[1]), Wanted(image_size=28), pathlib.Path('data'))"
    )
    ordinary = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]  # Root may read all.
    prefix = ordinary if os.geteuid() == 0 else []
    if prefix and not shutil.which("setpriv"):
        pytest.skip("root may read all, and there is no setpriv")

    def told(source: str = "pictures") -> str:
        command = [*prefix, sys.executable, "-c", program, source]
        finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return finished.stderr

    for number in range(3):
        (folder / f"{number:04}.png").chmod(0)
    assert "left out 3 of 12 files: 0000.png may not be read (and 2 more)" in told()
    assert told() == "", "nothing is imported again while nothing changes"
    # The same images, by the same name, from elsewhere, where nothing is left out.
    pack(fill(tmp_path / "others", 9, start=3), tmp_path / "pictures.zip")
    assert "Imported 9 images" in told("pictures.zip")
    (folder / "0001.png").chmod(0o644)
    assert "left out 2 of 12 files" in told()
    for number in range(3):
        (folder / f"{number:04}.png").chmod(0o644)
    assert "Imported 12 images" in told()
    assert told() == ""


def test_a_damaged_index_is_made_again(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 12)
    before, _ = bring(folder, tmp_path, **SMALL)
    (path,) = (tmp_path / "data" / "gan_tf" / "images" / "sources").iterdir()
    whole = path.read_bytes()
    for place in range(10, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        after, _ = bring(folder, tmp_path, **SMALL)
        assert after.digest == before.digest


def test_pictures_of_every_format_are_known_by_their_content(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    names = {
        "PNG": "a.PNG",
        "JPEG": "b.jpeg",
        "WEBP": "c",
        "GIF": "d.png",
        "BMP": "e.Jpg",
        "TIFF": "f.txt",
    }
    for seed, (kind, name) in enumerate(names.items()):
        picture(seed).save(folder / name, format=kind)
    done, about = bring(folder, tmp_path)
    assert about["left_out"] == about["not_pictures"] == {}
    assert images(done, tmp_path).shape == (6, 32, 32, 3)
    assert done.directory.name == f"pictures-{done.digest[:12]}"


@pytest.mark.parametrize("channels", ["1", "3", "4"])
def test_every_kind_of_pixels_keeps_its_look(tmp_path: Path, channels: str) -> None:
    """A half that is white or transparent on white, and a half of middle grey."""
    level = np.full((28, 28), 255, np.uint8)
    level[:, 14:] = 128
    grey = Image.fromarray(level)
    clear = grey.convert("LA")
    clear.putalpha(Image.fromarray(np.where(level == 255, 0, 255).astype(np.uint8)))
    palette = grey.convert("P", palette=Image.Palette.ADAPTIVE, colors=2)
    table = palette.getpalette() or []
    white = [table[i] for i in range(0, 6, 3)].index(255)
    made: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "l.png": (grey, {}),
        "16.png": (Image.fromarray(level.astype(np.uint16) * 257), {}),
        "16.tif": (Image.fromarray(level.astype(np.uint16) * 257), {}),
        "la.png": (clear, {}),
        "rgba.webp": (clear.convert("RGBA"), {"lossless": True}),
        "p.gif": (palette, {}),
        "pt.png": (palette, {"transparency": white}),
        "cmyk.jpg": (grey.convert("RGB").convert("CMYK"), {"quality": 100}),
        "key.png": (grey.convert("RGB"), {"transparency": (255, 255, 255)}),
    }
    for name, (each, options) in made.items():
        each.save(tmp_path / name, **options)
        found = one(tmp_path / name, tmp_path, channels=channels).astype(int)
        assert found.shape == (28, 28, int(channels))
        np.testing.assert_allclose(found[..., 0], level, atol=3, err_msg=name)
        if channels == "4":
            hidden = name in ("la.png", "rgba.webp", "pt.png", "key.png")
            assert (found[:, :14, 3] == (0 if hidden else 255)).all(), name
            assert (found[:, 14:, 3] == 255).all(), name
    Image.fromarray(level > 200).save(tmp_path / "1.png")
    assert set(np.unique(one(tmp_path / "1.png", tmp_path, channels="1"))) == {0, 255}


def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    upright = np.zeros((60, 40, 3), np.uint8)
    upright[:10] = 255  # White at the top, if it is turned.
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(upright)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    found = one(tmp_path / "a.jpg", tmp_path, fit="stretch").mean(axis=(1, 2))
    assert found[0] > 250
    assert found[-1] < 5


def tiff(bits: int, white: int, photometric: int) -> bytes:
    """A grey TIFF of 32x32 pixels of one brightness, without compression."""
    tags = {256: 32, 257: 32, 258: bits, 259: 1, 262: photometric, 273: 0, 277: 1, 278: 32}
    tags[273] = 8 + 2 + 12 * (len(tags) + 1) + 4
    pixels = np.full((32, 32), white, np.uint32)
    if bits == 12:
        pairs = pixels.reshape(-1, 2)
        packed = np.stack(
            [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], 1
        )
        data = packed.astype(np.uint8).tobytes()
    else:
        data = pixels.astype(f"<u{bits // 8}").tobytes()
    tags[279] = len(data)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 4 + data


@pytest.mark.parametrize(
    ("bits", "white", "photometric"),
    [(8, 15, 0), (8, 240, 1), (12, 3_855, 1), (16, 3_855, 0), (16, 61_680, 1)],
)
def test_a_grey_tiff_is_as_bright_as_it_says(
    tmp_path: Path, bits: int, white: int, photometric: int
) -> None:
    (tmp_path / "a.tiff").write_bytes(tiff(bits, white, photometric))
    assert abs(one(tmp_path / "a.tiff", tmp_path).astype(int) - 240).max() <= 1


def test_a_change_of_method_is_another_number(tmp_path: Path) -> None:
    """If this fails, put the next number first in METHODS, so that no run begins with what was
    imported otherwise, and the new digest here."""
    folder = tmp_path / "zoo"
    folder.mkdir()
    ramp = np.arange(32 * 32, dtype=np.uint32).reshape(32, 32)
    for mode, factor in (("L", 0.25), ("RGB", 1), ("RGBA", 7), ("I;16", 60)):
        values = (factor * ramp).astype(np.uint16 if mode == "I;16" else np.uint8)
        channels = {"RGB": 3, "RGBA": 4}.get(mode)
        pixels = np.repeat(values[..., None], channels, -1) if channels else values
        Image.fromarray(pixels).save(folder / f"{mode.replace(';', '')}.png")
    Image.fromarray((ramp % 200).astype(np.uint8)).save(folder / "grey.pgm")
    Image.fromarray((ramp % 99).astype(np.uint8)).convert("P").save(
        folder / "p.png", transparency=5
    )
    for bits, white, photometric in ((8, 15, 0), (12, 3_855, 1), (16, 3_855, 0)):
        (folder / f"{bits}.tiff").write_bytes(tiff(bits, white, photometric))
    (folder / "raw.png").write_bytes(raw_png(4, 0, 8 * b"\x00" + 8 * b"\x88", b"\0\x08"))
    (folder / "Labels.csv").write_text(
        "".join(f"{path.name},{path.suffix}\n" for path in sorted(folder.iterdir()))
    )
    made = [bring(folder, tmp_path, image_size=32, channels=each)[0].digest for each in "134"]
    digest = hashlib.sha256("".join(made).encode()).hexdigest()
    assert (METHODS[0], digest[:16]) == (2, "d9983585c72ad388")


def test_a_run_goes_on_with_what_an_older_version_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a new one begins with what this version makes of the same pictures."""
    folder, wanted = fill(tmp_path / "pictures", 12), Wanted()
    first = open_images(folder, wanted, tmp_path / "data")
    sources = tmp_path / "data" / "gan_tf" / "images" / "sources"
    now, then = (sources / f"{wanted.digest(str(folder), each)[:32]}.gz" for each in METHODS)
    now.rename(then)
    capsys.readouterr()
    again = open_images(folder, wanted, tmp_path / "data", began=first.description)
    assert again.description == first.description
    assert capsys.readouterr().err == ""
    open_images(folder, wanted, tmp_path / "data")
    assert "Importing" in capsys.readouterr().err
    (folder / "0000.png").unlink()
    now.unlink()
    open_images(folder, wanted, tmp_path / "data", began=first.description)
    assert "has changed since it was imported (1 removed)" in capsys.readouterr().err


def test_the_hidden_grey_of_a_deep_png_is_transparent(tmp_path: Path) -> None:
    pixels = np.full((32, 32), 40_000, np.uint16)
    pixels[:, 16:] = 1
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=1)
    alpha = one(tmp_path / "a.png", tmp_path, channels="4")[..., 3]
    assert (alpha[:, :12] == 255).all()
    assert (alpha[:, 16:] == 0).all()


def raw_png(bits: int, kind: int, row: bytes, hidden: bytes) -> bytes:
    """A PNG of 32x32 pixels, all rows alike, that names a colour transparent."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", 32, 32, bits, kind, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"tRNS", hidden), (b"IDAT", zlib.compress(32 * (b"\0" + row)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in [*chunks, (b"IEND", b"")])


@pytest.mark.parametrize(
    ("bits", "kind", "row", "hidden"),
    [
        (2, 0, 4 * b"\x00" + 4 * b"\xff", struct.pack(">H", 3)),
        (4, 0, 8 * b"\x00" + 8 * b"\x88", struct.pack(">H", 8)),
        (16, 2, 16 * bytes(6) + 16 * b"\x80\x00" * 3, struct.pack(">3H", *[0x8000] * 3)),
    ],
)
def test_the_hidden_colour_of_a_png_of_other_bits_is_transparent(
    tmp_path: Path, bits: int, kind: int, row: bytes, hidden: bytes
) -> None:
    (tmp_path / "a.png").write_bytes(raw_png(bits, kind, row, hidden))
    alpha = one(tmp_path / "a.png", tmp_path, channels="4")[..., 3]
    assert (alpha[:, :12] == 255).all()
    assert (alpha[:, 16:] == 0).all()


@pytest.mark.parametrize(
    "content",
    [
        b"P5 32 32 255\n" + 1024 * b"\xf0",
        b"P5\n# bright\n32 32 65535\n" + 1024 * b"\xf0\xf0",
        b"P2\n32 32\n15\n" + 1024 * b"14 ",
        b"P6 32 32 255\n" + 1024 * b"\xf0\xf0\xf0",
    ],
)
def test_a_portable_map_is_a_picture(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pgm").write_bytes(content)
    assert abs(one(tmp_path / "a.pgm", tmp_path).astype(int) - 240).max() <= 2


def test_a_picture_becomes_a_square_as_is_wished(tmp_path: Path) -> None:
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 32:64] = 200  # The middle third.
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert (one(tmp_path / "a.png", tmp_path) == 200).all()
    shutil.rmtree(tmp_path / "of a.png")
    stretched = one(tmp_path / "a.png", tmp_path, fit="stretch")
    assert stretched[:, 0].max() == 0
    assert stretched[:, 14].min() == 200
    shutil.rmtree(tmp_path / "of a.png")
    padded = one(tmp_path / "a.png", tmp_path, fit="pad", background="#ff8000")
    assert (padded[0] == (255, 128, 0)).all()
    assert (padded[14, 14] == 200).all()
    shutil.rmtree(tmp_path / "of a.png")
    clear = one(tmp_path / "a.png", tmp_path, fit="pad", background="red", channels="4")
    assert (clear[0] == (255, 0, 0, 0)).all()
    assert (clear[14, 14] == (200, 200, 200, 255)).all()


def test_reduction_is_antialiased_and_hidden_colours_do_not_bleed(tmp_path: Path) -> None:
    board = np.indices((448, 448)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_allclose(one(tmp_path / "a.png", tmp_path), 127.5, atol=1)
    hidden = np.zeros((448, 448, 4), np.uint8)
    hidden[..., 0] = 255  # Red, where nobody sees it.
    hidden[:, ::2] = (0, 255, 0, 255)
    Image.fromarray(hidden).save(tmp_path / "b.png")
    found = one(tmp_path / "b.png", tmp_path, channels="4")
    assert found[..., 0].max() <= 1
    assert found[..., 1].min() >= 254


def test_a_large_jpeg_is_decoded_small_and_looks_the_same(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 12, (600, 800, 3))
    smooth = np.asarray(picture(1, (800, 600)))
    original = Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8))
    original.save(tmp_path / "a.jpg", quality=90)
    with Image.open(tmp_path / "a.jpg") as whole:
        square = whole.crop((100, 0, 700, 600)).resize((28, 28), Image.Resampling.BICUBIC)
    difference = one(tmp_path / "a.jpg", tmp_path).astype(int) - np.asarray(square)
    assert np.abs(difference).max() <= 4
    assert np.abs(difference).mean() < 1


def bad_files(folder: Path) -> dict[str, str]:
    """Puts what cannot be imported into a folder; returns what is said of each."""
    whole = io.BytesIO()
    picture(0).save(whole, "PNG")
    content = whole.getvalue()
    (folder / "cut.png").write_bytes(content[: len(content) // 2])
    jpeg = io.BytesIO()
    picture(0, (300, 300)).save(jpeg, "JPEG")
    (folder / "cut.jpg").write_bytes(jpeg.getvalue()[:-500])
    tiff = io.BytesIO()
    picture(0).save(tiff, "TIFF", compression="tiff_lzw")
    (folder / "bent.tif").write_bytes(tiff.getvalue().replace(tiff.getvalue()[8:60], b"\xff" * 52))
    (folder / "bent.png").write_bytes(content[:20] + b"\xff" * 20 + content[40:])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("no picture at all")
    (folder / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(99))
    (folder / "more.zip").write_bytes(b"PK\x03\x04" + bytes(99))
    (folder / "some.npy").write_bytes(b"\x93NUMPY\x01\0")
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    (folder / "cube.idx").write_bytes(struct.pack(">BBBB4I", 0, 0, 8, 4, 1, 1, 1, 1) + b"x")
    (folder / "words.gz").write_bytes(gzip.compress(b"words"))
    Image.new("1", (12_000, 12_000)).save(folder / "bomb.png")
    Image.fromarray(np.ones((9, 9), np.float32)).save(folder / "float.tif")
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere.png").symlink_to("gone")
    (folder / "self.png").symlink_to("self.png")
    os.mkfifo(folder / "pipe.png")
    with (folder / "huge.png").open("wb") as file:  # A hole.
        file.truncate(2**30)
    directory = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.close(os.open("f" * 240, os.O_CREAT, dir_fd=directory))
        os.mkdir("d" * 240, dir_fd=directory)
        below = os.open("d" * 240, os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(directory)
    return {
        "cut.png": "is truncated",
        "cut.jpg": "is truncated",
        "bent.tif": "is damaged",
        "bent.png": "is damaged",
        "empty.png": "is empty",
        "text.png": "is text",
        "film.mp4": "is no picture that can be read",
        "more.zip": "is a ZIP archive inside another source",
        "some.npy": "is an array inside another source",
        "phone.heic": 'is HEIC, which needs pip install "gan_tf[heic]"',
        "cube.idx": "is an IDX file of 4 dimensions",
        "words.gz": "is packed with gzip",
        "bomb.png": "has more than 100 million pixels",
        "float.tif": "has 32 bits a pixel, of which none says what is white",
        "loop/": "leads to a folder that is read already",
        "nowhere.png": "is a link to nothing",
        "self.png": "is a link to nothing",
        "pipe.png": "is no regular file",
        "huge.png": "is larger than 512 MiB",
        "d" * 240 + "/": "cannot be read: File name too long",
        "/" + "f" * 240: "cannot be read: File name too long",
    }


@pytest.fixture
def without_heic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides pi_heif, where it is installed."""
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    kinds.formats.cache_clear()


@pytest.mark.usefixtures("without_heic")
def test_what_cannot_be_read_is_left_out_and_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = fill(tmp_path / "mixed", 4)
    reasons = bad_files(folder)
    names = ["README", ".DS_Store", "Thumbs.db", "notes.json"]
    for name in names:
        (folder / name).write_text("some words")
    (folder / ".git").mkdir()
    (folder / "写真 \n.png").write_bytes((folder / "0000.png").read_bytes() + b"behind it")
    undecodable = os.fsencode(folder) + b"/\xff\xfe.png"
    picture(99).save(os.fsdecode(undecodable), format="PNG")
    done, about = bring(folder, tmp_path, **SMALL)
    found = {name.replace("/d", "")[-241:]: why for name, why in about["left_out"].items()}
    assert found == reasons
    others = {name for name in about["not_pictures"] if "fff" not in name}
    assert others == {*names, ".git/"}
    assert len(images(done, tmp_path)) == 6
    errors = capfd.readouterr().err.splitlines()
    assert len(errors) == 4, errors
    assert errors[1].startswith("left out 21 of 27 files: ")
    assert errors[1].endswith(f", ...; see {done.directory / 'imported.json'}")
    assert errors[3] == "6 images are far too few: it can only learn to copy them"


def test_a_picture_that_can_be_read_by_now_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `pip install "gan_tf[heic]"`, which the first import told its user to do."""
    folder = fill(tmp_path / "pictures", 4)
    picture(99).save(folder / "new.avif")
    with monkeypatch.context() as patch:
        patch.setattr(features, "check", lambda name: False)
        left_out = bring(folder, tmp_path)[1]["left_out"]
        assert left_out == {"new.avif": "is AVIF, which needs Pillow 11.3 or later"}
        assert bring(folder, tmp_path)[1]["left_out"] == left_out
    done, about = bring(folder, tmp_path)
    assert not about["left_out"]
    assert len(images(done, tmp_path)) == 5


def test_a_source_without_two_images_says_what_it_saw(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 1)
    (folder / "b.png").touch()
    reason = r", and 2 are needed at least \(b.png is empty\)"
    with pytest.raises(InputError, match=f"holds one image that can be read{reason}"):
        bring(folder, tmp_path)
    shutil.copy(folder / "0000.png", folder / "c.png")
    with pytest.raises(InputError, match=f"and 1 more of the same content{reason}"):
        bring(folder, tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match=r"none: holds no image that can be read, and 2 are"):
        bring(tmp_path / "none", tmp_path)
    with pytest.raises(InputError, match=r"nowhere: there is no such folder or file"):
        bring(tmp_path / "nowhere", tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"pipe: there is no such folder or file"):
        bring(tmp_path / "pipe", tmp_path)
    with pytest.raises(InputError, match=r"--data_dir=.*data: must not lie in --images="):
        bring(tmp_path, tmp_path)
    with pytest.raises(InputError, match=r"0000.png: must be a folder of pictures.*one picture"):
        bring(folder / "0000.png", tmp_path)
    assert not [*(tmp_path / "data" / "gan_tf" / "images").glob("*-*")]


def test_a_folder_and_its_archive_are_the_same_images(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for number, name in enumerate(("b", "a", "10", "9")):
        fill(folder / name, 6, start=10 * number)
    shutil.copy(folder / "a" / "0010.png", folder / "again.png")
    shutil.move(folder / "again.png", folder / "b" / "again.png")
    from_folder, about = bring(folder, tmp_path)
    assert about["classes"] == ["9", "10", "a", "b"]
    assert about["duplicates"] == 1
    assert sum(about["labels"]["images"].values()) == 24
    archive = pack(folder, tmp_path / "packed.zip", top="mine/")
    assert bring(archive, tmp_path)[0].digest == from_folder.digest
    flat = pack(folder, tmp_path / "mine.zip")
    assert bring(flat, tmp_path)[0] == from_folder  # Of the same name, too: one cache.


def test_an_archive_can_do_no_harm(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = fill(tmp_path / "good", 3)
    good = [path.read_bytes() for path in sorted(folder.iterdir())]
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../out.png", good[0])
        archive.writestr("/etc/absolute.png", good[1])
        archive.writestr("windows\\kind.png", good[2])
        archive.writestr("__MACOSX/._kind.png", b"x")
        archive.writestr(link, "../../secret.png")
        archive.writestr("grows.png", bytes(2**25))
        archive.writestr("locked.png", b"secret")
        archive.writestr("broken.png", good[0])
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("broken.png").header_offset
    content[start + 60 : start + 70] = bytes(10)
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(b"locked.png"))
    content[entry + 8] |= 1  # Says that it is encrypted.
    path.write_bytes(content)
    done, about = bring(path, tmp_path, labels="none")
    assert about["left_out"] == {
        "broken.png": "is damaged",
        "grows.png": "grows to more than 200 times its packed size",
        "link.png": "is a link",
        "locked.png": "is encrypted",
    }
    assert about["not_pictures"] == {"__MACOSX/._kind.png": "belongs to the system"}
    assert len(images(done, tmp_path)) == 3
    assert {each.name for each in tmp_path.iterdir()} == {"good", "a.zip", "data"}
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"a\.zip: is a damaged ZIP archive"):
        bring(path, tmp_path)


def test_labels_come_from_a_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = fill(tmp_path / "top" / "pictures", 12).parent
    rows = [f"pictures\\{seed:04}.png,{seed % 3 * 5}" for seed in range(12)]
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    gone = ["gone.png,77", "x/1.png,5", "x/2.png,5", "x/3.png,5", "broken.png,5"]
    (folder / "labels.csv").write_text("\n".join(["\ufefffile,label", *rows, *gone]))
    done, about = bring(folder, tmp_path)
    assert about["classes"] == ["0", "5", "10"]
    absent = ["gone.png", "x/1.png", "x/2.png", "x/3.png"]
    assert about["labels"].pop("absent") == absent
    assert about["labels"] == {"from": "labels.csv", "images": {"0": 4, "5": 4, "10": 4}}
    told = "labels.csv names gone.png, x/1.png, x/2.png and 1 more, which the source does not hold"
    assert told in capfd.readouterr().err.splitlines()
    splits = open_imported(done.name, done.digest, tmp_path / "data")
    assert {int(each) for split in splits.values() for each in split.labels} == {0, 1, 2}
    (folder / "labels.csv").rename(folder / "Labels.CSV")
    assert bring(folder, tmp_path)[1]["classes"] == ["0", "5", "10"]
    (folder / "Labels.CSV").unlink()
    pairs = [[f"pictures/{seed:04}.png", seed % 2] for seed in range(12)]
    (folder / "dataset.json").write_text(json.dumps({"labels": pairs}))
    assert bring(folder, tmp_path)[1]["labels"]["images"] == {"0": 6, "1": 6}
    archive = pack(folder, tmp_path / "a.zip")
    assert bring(archive, tmp_path)[1]["labels"]["from"] == "dataset.json"
    (folder / "dataset.json").write_text('{"labels": [["gone.png", 1]]}')
    with pytest.raises(InputError, match=r"dataset\.json names none of the pictures"):
        bring(folder, tmp_path)
    (folder / "dataset.json").write_text('{"labels": null}')
    assert bring(folder, tmp_path)[1]["classes"] == []
    (folder / "dataset.json").write_text('{"labels": [["a.png"]]}')
    with pytest.raises(InputError, match=r'dataset\.json: must hold \{"labels"'):
        bring(folder, tmp_path)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("0000.png,a\n", r"0001\.png, 0002\.png, 0003\.png and 1 more have no label"),
        ("other.png,a\n", r"labels\.csv names none of the pictures"),
        ("0000.png\n", r"labels\.csv: line 1 must be file,label"),
        ("0000.png,a\n0000.png,b\n", r"line 2 gives 0000\.png another label"),
        ("", r"labels\.csv is empty"),
        ("0000.png,a\x01\n", r"labels\.csv is "),
        (
            "0000.png,a\xa0b\n0001.png,a\\xa0b\n0002.png,c\n0003.png,c\n0004.png,c\n",
            r"two classes are both shown as a\\xa0b",
        ),
        (
            "0000.png,\xe9\n0001.png,e\u0301\n0002.png,c\n0003.png,c\n0004.png,c\n",
            r"two classes are both shown as \xe9",
        ),
    ],
    ids=[
        *("partly", "nothing", "one column", "two labels", "empty", "no text", "shown alike"),
        "an accent written in two ways",
    ],
)
def test_a_table_with_holes_is_refused(tmp_path: Path, table: str, reason: str) -> None:
    folder = fill(tmp_path / "pictures", 5)
    (folder / "labels.csv").write_text(table)
    with pytest.raises(InputError, match=f"{reason}.*--labels=none"):
        bring(folder, tmp_path)
    assert bring(folder, tmp_path, labels="none")[1]["images"] == {"test": 1, "train": 4}


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("0.5", r"dataset\.json: the class of 0000\.png is 0\.5, and must be a whole number"),
        ("1e999", r"dataset\.json: must hold"),
        ("9" * 5_000, r"dataset\.json: must hold"),
        ('"cat"', r"dataset\.json: must hold"),
    ],
    ids=["a fraction", "infinity", "5,000 digits", "a word"],
)
def test_a_class_in_json_must_be_a_whole_number(tmp_path: Path, label: str, reason: str) -> None:
    folder = fill(tmp_path / "pictures", 2)
    text = f'{{"labels": [["0000.png", {label}], ["0001.png", 0.0]]}}'
    (folder / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=f"^{reason}.*--labels=none$"):
        bring(folder, tmp_path)


def test_a_picture_of_two_classes_in_json_is_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 2)
    text = '{"labels": [["0000.png", 0], ["0001.png", 1], ["./0000.png", 2]]}'
    (folder / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=r"^dataset\.json: gives \./0000\.png two classes"):
        bring(folder, tmp_path)


def test_a_number_of_any_length_is_a_class(tmp_path: Path) -> None:
    folder, long = fill(tmp_path / "pictures", 6), "7" * 5_000
    classes = ["word", long, "10", "9", "007", "0"]
    (folder / "labels.csv").write_text("".join(f"{i:04}.png,{c}\n" for i, c in enumerate(classes)))
    assert bring(folder, tmp_path)[1]["classes"] == ["0", "007", "9", "10", long, "word"]


def test_a_map_that_a_program_gives_is_what_it_holds_and_not_its_file(tmp_path: Path) -> None:
    written = np.full((60, 28, 28), 255, np.uint8)
    np.save(tmp_path / "mine.npy", written)
    held = np.load(tmp_path / "mine.npy", mmap_mode="c")
    held[:] = np.arange(60, dtype=np.uint8)[:, None, None]
    arrays = given(held, None)
    assert arrays
    assert images(bring(arrays, tmp_path)[0], tmp_path).max() == 59


def test_lists_that_a_program_gives_are_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"this is of type list$"):
        given([[[0] * 28] * 28, [[0] * 28] * 27], None)
    with pytest.raises(InputError, match="labels must be integers from 0; one of them is -1"):
        given(np.zeros((2, 28, 28), np.uint8), [-1, 1])
    with pytest.raises(InputError, match="labels must be integers, one an image"):
        given(np.zeros((2, 28, 28), np.uint8), [[1], [1, 2]])
    with pytest.raises(InputError, match="labels must be 2 integers, one an image"):
        given(np.zeros((2, 28, 28), np.uint8), np.array([0, 2**64 - 1], np.uint64))
    with pytest.raises(InputError, match="must be plain arrays, not masked"):
        given(np.ma.masked_equal(np.zeros((2, 28, 28), np.uint8), 0), None)


def test_pictures_beside_folders_of_classes_are_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 2)
    fill(folder / "cats", 2, start=10)
    (folder / "README").write_text("is no picture")
    reason = r"0000\.png, 0001\.png have no label, as the others do from sub-folders.*--labels=none"
    with pytest.raises(InputError, match=reason):
        bring(folder, tmp_path)
    assert bring(folder, tmp_path, labels="none")[1]["classes"] == []
    assert bring(folder / "cats", tmp_path)[1]["classes"] == []


def test_a_picture_in_two_classes_is_said_to_be(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    fill(folder / "cats", 3)
    fill(folder / "dogs", 3, start=2)
    shutil.copy(folder / "cats" / "0000.png", folder / "cats" / "again.png")
    about = bring(folder, tmp_path)[1]
    assert (about["duplicates"], about["duplicates_of_another_class"]) == (2, 1)
    assert about["labels"]["images"] == {"cats": 3, "dogs": 2}
    told = "1 duplicate left out of another class than the picture that was kept"
    assert told in capfd.readouterr().err.splitlines()


def test_a_class_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for number, name in enumerate(("写真", os.fsdecode(b"\xff"), "a\nb")):
        fill(folder / name, 2, start=10 * number)
    done, about = bring(folder, tmp_path)
    assert about["classes"] == ["a\\nb", "写真", "\\udcff"]
    assert bring(folder, tmp_path)[0] == done


@pytest.mark.parametrize("name", [f"{'a' * 59} b", f"{'a' * 60}.b", f"  {'é' * 80} "])
def test_a_long_name_is_found_again(tmp_path: Path, name: str) -> None:
    folder = fill(tmp_path / name, 3)
    done, _ = bring(folder, tmp_path, **SMALL)
    assert len(images(done, tmp_path)) == 3


def idx_file(array: np.ndarray) -> bytes:
    """An array of unsigned bytes as MNIST's files hold it."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def test_arrays_and_idx_files_are_images_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    digits, classes = rng.integers(0, 256, (50, 28, 28), np.uint8), np.arange(50) % 7
    done, about = bring(Arrays(digits, classes), tmp_path)
    assert done.name == "array"
    assert about["classes"] == [*"0123456"]
    assert {each.tobytes() for each in images(done, tmp_path)} == {
        each.tobytes() for each in digits
    }

    folder = tmp_path / "idx"
    folder.mkdir()
    for kind, part in (("train", slice(40)), ("t10k", slice(40, 50))):
        packed = gzip.compress(idx_file(digits[part]), 1 if kind == "train" else 9)
        (folder / f"{kind}-images-idx3-ubyte.gz").write_bytes(packed)
        (folder / f"{kind}-labels-idx1-ubyte").write_bytes(idx_file(classes[part]))
    done, about = bring(folder, tmp_path)
    assert about["images"]["train"] + about["images"]["test"] == 50
    assert bring(pack(folder, tmp_path / "packed.zip"), tmp_path)[0].digest == done.digest
    assert list(about["labels"]["images"].values()) == [8, 7, 7, 7, 7, 7, 7]
    assert about["labels"]["from"] == "IDX files of labels"
    assert bring(folder / "train-images-idx3-ubyte.gz", tmp_path)[1]["labels"]["images"]["0"] == 6
    (tmp_path / "links").mkdir()  # To a store whose files have other names, and lie apart.
    for kind, packing in (("images-idx3-ubyte", ".gz"), ("labels-idx1-ubyte", "")):
        (tmp_path / kind).mkdir()
        shutil.copy(folder / f"train-{kind}{packing}", tmp_path / kind / "ab12")
        (tmp_path / "links" / f"train-{kind}{packing}").symlink_to(tmp_path / kind / "ab12")
    done, about = bring(tmp_path / "links" / "train-images-idx3-ubyte.gz", tmp_path)
    assert (done.name, about["labels"]["images"]["0"]) == ("train-images-idx3-ubyte", 6)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(packed[:5_000])
    _, about = bring(folder, tmp_path, labels="none")
    assert "is truncated" in about["left_out"]["train-images-idx3-ubyte.gz"]


def test_an_idx_file_that_was_altered_gives_no_images_and_no_labels(tmp_path: Path) -> None:
    """Nobody knows which of its images are damaged."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "idx" / "images"
    folder.mkdir(parents=True)
    for kind, number in (("train", 40), ("t10k", 10)):
        digits = rng.integers(0, 256, (number, 28, 28), np.uint8)
        (folder / f"{kind}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_file(digits)))
        packed = gzip.compress(idx_file(np.arange(number) % 7))
        (folder / f"{kind}-labels-idx1-ubyte.gz").write_bytes(packed)
    _, about = bring(tmp_path / "idx", tmp_path)
    assert list(about["labels"]["images"].values()) == [8, 8, 8, 7, 7, 6, 6]

    good = (folder / "train-images-idx3-ubyte.gz").read_bytes()
    for at in (good.index(b"\0\0\x08") + 1_000, len(good) - 6):
        (folder / "train-images-idx3-ubyte.gz").write_bytes(flipped(good, at))
        _, about = bring(tmp_path / "idx", tmp_path)
        assert about["left_out"] == {"images/train-images-idx3-ubyte.gz": "is damaged"}
        assert sum(about["images"].values()) == 10
    (folder / "train-images-idx3-ubyte.gz").write_bytes(good)
    archive = pack(tmp_path / "idx", tmp_path / "idx.zip")
    content = archive.read_bytes()
    archive.write_bytes(flipped(content, content.index(good) + 1_000))
    _, about = bring(archive, tmp_path)
    assert list(about["left_out"].values()) == ["is damaged"]

    (tmp_path / "twins").mkdir()  # Neither is taken for the labels of the other.
    (tmp_path / "twins" / "digits.gz").write_bytes(good + b"what gzip does not know")
    (tmp_path / "twins" / "digits").write_bytes(gzip.decompress(good))
    _, about = bring(tmp_path / "twins", tmp_path)
    assert (about["left_out"], about["duplicates"], about["classes"]) == ({}, 40, [])

    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(flipped(packed, len(packed) - 6))
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte.gz is damaged; mend it, or"):
        bring(tmp_path / "idx", tmp_path)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_file(np.arange(9))))
    with pytest.raises(InputError, match=r"has not one label for each of the 10 images of "):
        bring(tmp_path / "idx", tmp_path)


def flipped(content: bytes, at: int) -> bytes:
    """The same but for one bit."""
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def test_arrays_in_files_are_images_as_they_are(tmp_path: Path) -> None:
    digits = np.random.default_rng(0).integers(0, 256, (50, 28, 28), np.uint8)
    np.save(tmp_path / "colour.npy", np.repeat(digits[..., None], 4, axis=3))
    done, _ = bring(tmp_path / "colour.npy", tmp_path, channels="4", labels="none")
    assert done.name == "colour"
    assert images(done, tmp_path).shape == (50, 28, 28, 4)
    np.save(tmp_path / "wide.npy", digits.astype(np.float32))
    with pytest.raises(InputError, match=r"uint8 \[N, H, W\] or .*\[50, 28, 28\] float32"):
        bring(tmp_path / "wide.npy", tmp_path)
    for shape in ("(2, 28, 28), ", "(-2, 28, 28)}", f"({10**30}, 28, 28)}}"):
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}\n".encode()
        size = len(header).to_bytes(2, "little")
        (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\1\0" + size + header + bytes(2_000))
        with pytest.raises(InputError, match=r"cut\.npy: "):
            bring(tmp_path / "cut.npy", tmp_path)
    np.save(tmp_path / "bad.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match=r"bad\.npy: .*must hold numbers"):
        bring(tmp_path / "bad.npy", tmp_path)


def test_a_picture_that_was_cut_off_is_left_out_whatever_a_program_asked_of_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fill(tmp_path / "pictures", 3)
    picture(9, (256, 256)).save(folder / "cut.jpg")
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 3])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    _, about = bring(folder, tmp_path)
    assert list(about["left_out"]) == ["cut.jpg"]
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_an_array_that_is_cut_short_while_it_is_imported_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, find_labels = tmp_path / "mine.npy", Arrays.find_labels
    np.save(path, np.random.default_rng(0).integers(0, 256, (50, 28, 28), np.uint8))

    def cut(self: Arrays, wanted: Wanted) -> Labels:
        os.truncate(path, 1_000)
        return find_labels(self, wanted)

    monkeypatch.setattr(Arrays, "find_labels", cut)
    with pytest.raises(InputError, match=r"mine\.npy: became shorter while it was imported"):
        bring(path, tmp_path)
    assert not list((tmp_path / "data").rglob("*.npy"))


def test_validation_images_are_of_every_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(("a", "b", "c")):
        fill(tmp_path / "pictures" / name, 20, start=20 * number)
    data = open_images(tmp_path / "pictures", Wanted(), tmp_path / "data")
    train, (reals, held_out) = data.split("train"), data.reals(20)
    places = {image.tobytes(): place for place, image in enumerate(train.images)}
    kept, out = ([places[each.tobytes()] for each in x.images] for x in (reals, held_out))
    assert sorted(kept + out) == list(range(len(train.images)))
    assert (kept, out, len(out)) == (sorted(kept), sorted(out), 20)
    for split, where in ((reals, kept), (held_out, out)):
        assert set(split.labels) == {0, 1, 2}
        np.testing.assert_array_equal(split.labels, train.labels[where])
    np.testing.assert_array_equal(data.reals(20)[1].images, held_out.images)
    assert list(data.counted(20).values()) == np.bincount(reals.labels).tolist()
    monkeypatch.setattr(memory, "available", lambda: 2 * train.images.nbytes - 1)
    with pytest.raises(InputError, match=r"^--validation_images=20: .*--held_out"):
        data.reals(20)


def test_any_beginning_of_the_held_out_images_is_of_all_classes(tmp_path: Path) -> None:
    """They lie in the order of their files; D's figures are of the first 250."""
    pixels = np.random.default_rng(0).integers(0, 256, (1_200, 8, 8), np.uint8)
    arrays = given(pixels, np.arange(1_200) // 400)
    assert arrays
    data = open_images(arrays, Wanted(held_out=0.5), tmp_path / "data")
    held_out = data.reals(0)[1]
    assert len(held_out.images) > 500
    seen = unseen(data, held_out)
    assert min(np.bincount(seen.labels[:250], minlength=3)) > 50
    places = {image.tobytes(): place for place, image in enumerate(held_out.images)}
    for at in (slice(0, 250), slice(250, len(seen.images))):
        found = [places[image.tobytes()] for image in seen.images[at]]
        np.testing.assert_array_equal(held_out.labels[found], seen.labels[at])
    few = data.reals(300)[1]
    assert min(np.bincount(unseen(data, few).labels[:100], minlength=3)) > 15


def test_a_picture_more_moves_no_other_one(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 60)

    def held_out() -> set[bytes]:
        done, _ = bring(folder, tmp_path, held_out=0.2)
        test = open_imported(done.name, done.digest, tmp_path / "data")["test"]
        return {each.tobytes() for each in test.images}

    before = held_out()
    assert 3 <= len(before) <= 25
    fill(folder, 20, start=1_000)
    (folder / "0000.png").rename(folder / "z.png")
    assert before < held_out()
    for share in (0, 0.5):
        assert min(bring(folder, tmp_path, held_out=share)[1]["images"].values()) >= 1


def test_the_size_and_the_channels_follow_the_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed, side in enumerate((20, 47, 47, 90)):
        picture(seed, (side, side + seed), "L").save(folder / f"{seed}.png")
    _, about = bring(folder, tmp_path)
    assert (about["image_shape"], about["enlarged"]) == ([44, 44, 1], 1)
    picture(9, (300, 300)).save(folder / "9.jpg")
    assert bring(folder, tmp_path)[1]["image_shape"] == [44, 44, 3]
    picture(10, (300, 300)).save(folder / "10.jpg")
    picture(11, (300, 300)).save(folder / "11.jpg")
    assert bring(folder, tmp_path)[1]["image_shape"] == [64, 64, 3]


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"image_size": 30}, "--image_size=30: must be a multiple of 4 from 28 to 128"),
        ({"channels": "2"}, "--channels=2: must be one of auto, 1, 3, 4"),
        ({"fit": "cut"}, "--fit=cut: must be one of crop, pad, stretch"),
        ({"background": "whit"}, "--background=whit: must be a colour such as white or #ff8800"),
        (
            {"background": "rgb(300,0,0)"},
            "--background=rgb(300,0,0): must be a colour such as white or #ff8800",
        ),
        ({"held_out": 0.9}, "--held_out=0.9: must be from 0 to 0.5"),
    ],
)
def test_a_wish_that_cannot_be_is_named(wish: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError) as found:
        Wanted(**wish)
    assert str(found.value) == reason


def test_a_second_start_reads_no_picture(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = fill(tmp_path / "pictures", 5)
    first, _ = bring(folder, tmp_path)
    file = folder / "0003.png"
    before = file.stat()
    file.write_bytes(bytes(before.st_size))  # It is no picture any more, and nobody looks.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    (folder / ".DS_Store").touch()
    capfd.readouterr()
    assert bring(folder, tmp_path)[0] == first
    assert changes(folder, Wanted(), tmp_path / "data") == ""
    assert capfd.readouterr().err == ""


def test_a_source_that_changed_is_imported_again_and_the_old_images_stay(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 5)
    first, _ = bring(folder, tmp_path)
    fill(folder, 3, start=10)
    (folder / "0001.png").unlink()
    picture(77).save(folder / "0002.png")
    told = "3 added, 1 removed, 1 changed"
    assert changes(folder, Wanted(), tmp_path / "data") == told
    second, about = bring(folder, tmp_path)
    assert second.changed == told
    assert about["images"]["train"] + about["images"]["test"] == 7
    assert len(images(first, tmp_path)) == 5
    assert changes(folder, Wanted(), tmp_path / "data", second.digest) == ""
    assert changes(folder, Wanted(), tmp_path / "data", first.digest) == "imported anew since"
    shutil.rmtree(folder)
    assert changes(folder, Wanted(), tmp_path / "data") == f"{folder} is gone"
    assert len(images(second, tmp_path)) == 7
    shutil.rmtree(first.directory)
    with pytest.raises(InputError, match=rf"{first.directory}: these images are not there"):
        open_imported(first.name, first.digest, tmp_path / "data")


def test_damage_to_the_cache_or_to_what_is_remembered_is_noticed(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 5)
    done, _ = bring(folder, tmp_path)
    (kept,) = (tmp_path / "data" / "gan_tf" / "images" / "sources").glob("*.gz")
    for content in (b"", kept.read_bytes()[:-20], b"words"):
        kept.write_bytes(content)
        assert bring(folder, tmp_path)[0] == done
    array = done.directory / "train-images.npy"
    array.write_bytes(array.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"train-images\.npy was truncated or altered"):
        bring(folder, tmp_path)
    (done.directory / "imported.json").write_text("{}")
    with pytest.raises(InputError, match=r"imported\.json is damaged"):
        bring(folder, tmp_path)
    shutil.rmtree(done.directory)
    assert bring(folder, tmp_path)[0] == done


IMPORT = """
import sys
from pathlib import Path
from gan_tf.data.images.importing import import_images
from gan_tf.data.images.wanted import METHODS, Wanted
{}
done = import_images(Path(sys.argv[1]), Wanted(), Path(sys.argv[2]))
print(done.digest)
"""


def begin(folder: Path, place: Path, before: str = "") -> subprocess.Popen[str]:
    """Starts an import in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", IMPORT.format(before), folder, place / "data"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def when_writing(place: Path, act: Callable[[], object]) -> None:
    """Acts once an import writes its arrays."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if [*(place / "data" / "gan_tf" / "images").glob(".*.tmp/train-images.npy")]:
            act()
            return
        time.sleep(0.001)


def test_an_import_that_is_killed_leaves_nothing_for_long(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 500)
    place = tmp_path / "data" / "gan_tf" / "images"
    process = begin(folder, tmp_path)
    when_writing(tmp_path, process.kill)
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert [*place.glob(".*.tmp")]
    done, about = bring(folder, tmp_path)
    assert {each.name for each in place.iterdir()} == {
        "import.lock",
        "sources",
        done.directory.name,
    }
    assert len([*(place / "sources").iterdir()]) == 1
    assert about["images"]["train"] + about["images"]["test"] == 500


def test_of_two_imports_at_once_one_waits_for_the_other(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 300)
    processes = [begin(folder, tmp_path) for _ in range(2)]
    found = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], found
    assert len({out for out, _ in found}) == 1
    assert sum("Imported" in errors for _, errors in found) == 1


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 300)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    process = begin(folder, tmp_path, limit)
    _, errors = process.communicate(timeout=60)
    assert "OSError: [Errno 27] File too large" in errors
    place = tmp_path / "data" / "gan_tf" / "images"
    assert {each.name for each in place.iterdir()} == {"import.lock"}


def test_an_import_that_is_interrupted_cleans_up(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 500)
    process = begin(folder, tmp_path)
    when_writing(tmp_path, lambda: process.send_signal(signal.SIGINT))
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    place = tmp_path / "data" / "gan_tf" / "images"
    assert {each.name for each in place.iterdir()} == {"import.lock"}


def test_a_picture_may_vanish_meanwhile(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 500)
    thread = threading.Thread(target=when_writing, args=(tmp_path, (folder / "0499.png").unlink))
    thread.start()
    _, about = bring(folder, tmp_path)
    thread.join()
    assert about["left_out"] == {"0499.png": "vanished"}


# As root may read everything: gives up that right, and no other.
WITHOUT_RIGHTS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
assert libc.capset(header, (ctypes.c_uint32 * 6)()) == 0
"""


def test_what_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", 3)
    (folder / "0001.png").chmod(0)
    fill(folder / "private", 1).chmod(0)
    (folder / "0002.png").rename(folder / "2.png")
    process = begin(folder, tmp_path, WITHOUT_RIGHTS)
    _, errors = process.communicate(timeout=60)
    (folder / "private").chmod(0o700)
    assert process.returncode == 0, errors
    assert "left out 2 of 4 files: 0001.png may not be read (and 1 more); see" in errors
