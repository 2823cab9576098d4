"""What a report shows of an export: images drawn from it now, and real ones beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_tf.data.dataset import Dataset, is_prepared, open_dataset, open_imported
from gan_tf.data.images.wanted import Wanted
from gan_tf.evaluation import judges, likeness
from gan_tf.host.errors import InputError
from gan_tf.host.files import data_directory
from gan_tf.report.account import Account, Drawing
from gan_tf.serving import described, servable
from gan_tf.serving.servable import Servable
from gan_tf.training.words import NOT_GIVEN

_ROWS, _COLUMNS = 4, 9  # Of an interpolation.
_TIMES = (0.0, 0.25, 0.5, 0.7, 0.85, 1.0, 1.25)  # What latents are multiplied by.
_BOUNDED = ("uniform", "unit_uniform", "unit_cube")  # What lies outside, G never saw.
_SAMPLES = 500  # Among which those most like a training image are sought.
_TRAINING = 10_000  # Training images that are looked at, whose features take seconds.

Floats = npt.NDArray[np.float32]


def with_drawings(account: Account, run_dir: Path, *, training_images: bool) -> Account:
    """Returns an account of a run with what its newest export draws; a note if there is none that
    can be loaded.

    Args:
      account: what is known of the run.
      run_dir: its directory.
      training_images: whether real images may stand beside samples, if the data is at hand.
    """
    versions = servable.versions(run_dir / "export")
    if not versions:
        return account
    missing, found = list(account.missing), []
    try:
        exported = servable.load(versions[-1])
        found += [_interpolation(exported), _truncation(exported)]
        if training_images:
            found += _nearest(exported, account.flags)
    except InputError as error:
        missing.append(str(error))
    return dataclasses.replace(account, drawings=tuple(found), missing=tuple(missing))


def samples(run_dir: Path, number: int) -> npt.NDArray[np.uint8] | None:
    """Returns what `gan_tf.sample` draws of seed 0 from a run's newest export, `[N, H, W, C]`;
    None if there is none that can be loaded."""
    versions = servable.versions(run_dir / "export")
    try:
        return servable.load(versions[-1]).sample(number, 0) if versions else None
    except InputError:
        return None


def _interpolation(exported: Servable) -> Drawing:
    about, latents = exported.metadata, exported.latents(2 * _ROWS, 0)
    distribution = described.distribution(about)
    shares = np.linspace(0.0, 1.0, _COLUMNS, dtype=np.float32)
    starts, ends = latents[::2], latents[1::2].copy()
    # Between two codes lies what G never saw.
    ends[:, : distribution.codes] = starts[:, : distribution.codes]
    ways = [distribution.between(starts, ends, np.full((_ROWS, 1), each)) for each in shares]
    return Drawing(
        "Interpolation",
        "Each row goes from one latent vector to another in equal steps. Where G has learned the "
        "data by heart, images jump from one to the next; here they should change little by "
        "little.",
        _drawn(exported, np.stack(ways, axis=1)),
        rows=_classes(exported),
        columns=[f"{share:.3g}" for share in shares],
    )


def _truncation(exported: Servable) -> Drawing:
    bounded = exported.metadata["latents"] in _BOUNDED
    times = [each for each in _TIMES if each <= 1.0 or not bounded]
    scaled = np.stack([exported.latents(_ROWS, 1, each) for each in times], axis=1)
    return Drawing(
        "Truncation",
        "Each row is one latent vector, at so many times its distance from the mean: 1 is as it "
        "was drawn. Nearer to the mean images are more typical, and more alike.",
        _drawn(exported, scaled),
        rows=_classes(exported),
        columns=[f"{each:g}" for each in times],
    )


def _drawn(exported: Servable, latents: Floats) -> npt.NDArray[np.uint8]:
    """The images `[rows, columns, H, W, C]` of latents `[rows, columns, latent_dim]`, and of a
    class a row where the model knows classes."""
    labels = None
    if exported.classes:
        rows = np.arange(len(latents), dtype=np.int64) % len(exported.classes)
        labels = rows.repeat(latents.shape[1])
    images = exported.draw(latents.reshape(-1, latents.shape[-1]), labels)
    return images.reshape(*latents.shape[:2], *images.shape[1:])


def _classes(exported: Servable) -> list[str]:
    """The class of each row; empty where the model knows none."""
    names = list(exported.classes)
    return [names[row % len(names)] for row in range(_ROWS)] if names else []


def _nearest(exported: Servable, flags: Mapping[str, str]) -> list[Drawing]:
    """Samples beside the real images most like them; nothing if the data is not at hand."""
    about = exported.metadata
    try:
        data = _data(about, flags)
    except InputError:  # It was removed, or altered.
        return []
    if data is None:
        return []
    if about.get("digest", "") not in ("", data.description.digest):
        raise InputError(
            f"{data.directory} holds other images than those that it was trained on: none of them "
            "stand beside samples"
        )
    try:
        described.check_shape(about, exported.path, data.description)
        judge = judges.find(data, "auto")
        found = likeness.find(exported.sample(_SAMPLES, 0), judge, data, _TRAINING)
    except InputError:  # It is too little to judge by.
        return []
    return [
        Drawing(
            "Nearest real images",
            f"Samples beside the three most similar of {found.training:,} training images, and, if "
            f"any are held out, the most similar of those. First those of {_SAMPLES} samples that "
            "are nearest to a training image, then others at even shares of the rest. Below each: "
            f"its distance to the sample by the features of {judge.name}, then by pixels (root "
            "mean square, of 1). A copy would be at 0.",
            found.tiles,
            columns=found.columns,
            notes=found.distances,
            holds_training_images=True,
        )
    ]


def _data(about: Mapping[str, Any], flags: Mapping[str, str]) -> Dataset | None:
    """What an export was trained on, if that is prepared in the run's data directory."""
    given = flags.get("data_dir", NOT_GIVEN)
    name = str(about["dataset"])
    data_dir = data_directory(None if given == NOT_GIVEN else given)
    if about.get("imported"):
        return open_imported(name, str(about["digest"]), data_dir)
    config = about.get("config", {})
    wanted = Wanted(**{key: config[key] for key in Wanted().as_dict() if key in config})
    if not is_prepared(name, data_dir, wanted):
        return None
    return open_dataset(name, data_dir, wanted=wanted)
