"""Pictures: what is drawn is what was given, and files appear whole."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gan_tf.report import curves, pictures


@given(
    st.integers(1, 30),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([1, 3, 4]),
    st.data(),
)
def test_every_tile_of_a_grid_is_its_image(
    count: int, height: int, width: int, channels: int, draw: st.DataObject
) -> None:
    columns = draw.draw(st.none() | st.integers(1, 40))
    rng = np.random.default_rng(count)
    given_images = rng.integers(1, 256, (count, height, width, channels), np.uint8)
    tiled = pictures.grid(given_images, columns)
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    assert tiled.shape == (rows * (height + 1) + 1, columns * (width + 1) + 1, channels)
    for index, image in enumerate(given_images):
        y = index // columns * (height + 1) + 1
        x = index % columns * (width + 1) + 1
        np.testing.assert_array_equal(tiled[y : y + height, x : x + width], image)
    assert np.count_nonzero(tiled) == given_images.size, "borders are black, or transparent"


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_png_round_trip(tmp_path: Path, channels: int, mode: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 5, channels), np.uint8)
    image[0, 0, -1] = 0  # Where alpha is 0, colours are kept all the same.
    path = tmp_path / "new" / "a.png"
    pictures.write_png(path, image, scale=3)
    with Image.open(path) as picture:
        assert picture.mode == mode
        read = np.asarray(picture).reshape(12, 15, channels)
    np.testing.assert_array_equal(read[1::3, 1::3], image)
    np.testing.assert_array_equal(pictures.read_png(path.read_bytes(), 12 * 15)[1::3, 1::3], image)


def test_gif_shows_every_frame_and_rests_on_the_last(tmp_path: Path) -> None:
    frames = {}
    for index in range(3):
        frames[index * 500] = tmp_path / f"{index}.png"
        pictures.write_png(frames[index * 500], np.full((8, 80, 1), 100 * index, np.uint8))
    pictures.write_gif(tmp_path / "all.gif", frames, seconds=0.3)
    with Image.open(tmp_path / "all.gif") as gif:
        assert getattr(gif, "n_frames", 1) == 3
        durations, greys, captions = [], [], []
        for index in range(3):
            gif.seek(index)
            durations.append(gif.info["duration"])
            greys.append(gif.convert("L").getpixel((4, 4)))
            captions.append(np.asarray(gif.convert("L"))[8:])
    assert durations == [100, 100, 2000]
    assert greys == [0, 100, 200]
    assert all(caption.max() > 200 for caption in captions), "each frame says its step"
    assert len({caption.tobytes() for caption in captions}) == 3


def test_what_is_transparent_lies_over_white_in_a_gif_and_for_tensorboard(tmp_path: Path) -> None:
    colours = [(200, 0, 40, 255), (200, 0, 40, 128), (200, 0, 40, 0), (0, 0, 0, 0)]
    over_white = [(200, 0, 40), (227, 127, 147), (255, 255, 255), (255, 255, 255)]
    image = np.array(colours, np.uint8).reshape(1, 4, 4).repeat(8, axis=0).repeat(20, axis=1)
    frames = {step: tmp_path / f"{step}.png" for step in (0, 500)}
    for path in frames.values():
        pictures.write_png(path, image)
    pictures.write_gif(tmp_path / "all.gif", frames)
    png, size = pictures.opaque_png(frames[0])
    assert size == (80, 8)
    with Image.open(tmp_path / "all.gif") as gif, Image.open(io.BytesIO(png)) as shown:
        assert "transparency" not in gif.info
        assert shown.mode == "RGB"
        for picture in (gif.convert("RGB"), shown):
            found = np.asarray(picture)[4, 10:80:20]
            np.testing.assert_allclose(found, over_white, atol=1)
        caption = np.asarray(gif.convert("L"))[8:]
    assert (caption.min(), caption.max()) == (0, 255), "black on white"


def test_curves_show_one_line_as_well_as_many(tmp_path: Path) -> None:
    line = {"step": 1, "generator_loss": 1, "discriminator_loss": 2, "d_real": 0.5, "d_fake": 0.4}
    sizes = []
    for count in (1, 50):
        curves.write_curves(
            tmp_path / "c.png", [line | {"step": i + 1} for i in range(count)], "a run"
        )
        with Image.open(tmp_path / "c.png") as picture:
            sizes.append(picture.size)
            assert len(picture.convert("RGB").getcolors(1 << 16) or []) > 50, "nothing is drawn"
    assert sizes == [(800, 600), (800, 600)]


def test_curves_can_be_read(tmp_path: Path) -> None:
    names = ("generator_loss", "discriminator_loss", "d_real", "d_fake")
    lines = [
        {"step": i + 1, "frechet_distance": 50 / (i + 1), **dict.fromkeys(names, 0.5)}
        for i in range(50)
    ]
    figure = curves.curves(lines, "$x^$: dcgan on mnist")  # Not a formula.
    figure.canvas.draw()
    assert figure.get_suptitle() == "$x^$: dcgan on mnist"
    colours: dict[str, set[object]] = {}
    for axes in figure.axes:
        legend = axes.get_legend()
        assert legend is not None
        assert not legend.get_window_extent().overlaps(axes.get_window_extent()), "over the data"
        for line in axes.get_lines():
            for meaning in ("discriminator", "generator", "reals"):
                if meaning in str(line.get_label()):
                    colours.setdefault(meaning, set()).add(line.get_color())
    assert [len(found) for found in colours.values()] == [1, 1, 1]
    assert len(set.union(*colours.values())) == 3, "a colour means one thing"
    labels = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert {"1", "2", "5", "10", "20", "50"} <= set(labels), "plain decimals"
