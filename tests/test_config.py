"""The configuration: bounds, JSON, and the names that other modules give it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_tf.config import Config
from gan_tf.config.knobs import Knob, knobs
from gan_tf.game.losses import LOSSES
from gan_tf.host.errors import InputError
from gan_tf.models import ARCHITECTURES


def values(knob: Knob) -> st.SearchStrategy[Any]:
    """Every kind of value that a knob allows."""
    if knob.kind is bool:
        return st.booleans()
    if knob.choices:
        return st.sampled_from(list(knob.choices))
    if knob.kind is int:
        allowed: st.SearchStrategy[Any] = st.integers(int(knob.low), int(knob.high))
    elif knob.kind is float:
        allowed = ends = st.floats(knob.low, knob.high)
        if knob.scheduled:
            allowed |= st.builds("{}:{}@{}".format, ends, ends, st.integers(1, 10**9))
    else:
        printable = st.characters(categories=("L", "M", "N", "P", "S"), include_characters=" ")
        allowed = st.text(printable, min_size=1)
    return st.none() | allowed if knob.default is None else allowed


configs = st.fixed_dictionaries({knob.name: values(knob) for knob in knobs(Config)}).map(
    lambda chosen: Config(
        **chosen
        | ({} if LOSSES[chosen["loss"]].smoothable else {"label_smoothing": 0.0})
        | ({} if LOSSES[chosen["loss"]].signed else {"augment": "diffaugment"})
        | {"augment_p": None, "lr_decay": 1.0, "conditional": "none", "fake_labels": "reals"}
        | ({"latent_codes": 2, "latent_dim": 64} if chosen["latents"] == "mixture" else {})
        | ({} if chosen["evaluate_every"] else {"patience": 0, "best_by": "frechet_distance"})
        | ({} if chosen["augment"] != "ada" else {"compile": "auto"})
        | ({"generator_steps": 1} if chosen["update"] == "simultaneous" else {})
        | ({} if ARCHITECTURES[chosen["arch"]].width else {"width": None})
        | ({"conditional": "concat"} if ARCHITECTURES[chosen["arch"]].needs_labels else {})
    )
)


@given(configs)
def test_json_round_trip(config: Config) -> None:
    assert Config.from_json(json.loads(config.dumps()), "test") == config


@given(configs)
def test_flags_round_trip(config: Config) -> None:
    for knob in knobs(Config):
        value = getattr(config, knob.name)
        if value is not None:
            assert knob.parse(str(value)) == value


@pytest.mark.parametrize("knob", [k for k in knobs(Config) if k.kind in (int, float)])
def test_bounds_hold_on_both_sides(knob: Knob) -> None:
    # The order that takes any number of G's steps, and the augmentation that has a probability.
    plain = Config(update="discriminator_first", augment="ada")
    for bound, outside in ((knob.low, knob.low - 1), (knob.high, knob.high + 1)):
        kind = knob.kind
        dataclasses.replace(plain, **{knob.name: kind(bound)})
        with pytest.raises(InputError, match=f"--{knob.name}="):
            dataclasses.replace(plain, **{knob.name: kind(outside)})


@pytest.mark.parametrize(
    "damage",
    [
        lambda values: values.update(unknown=1),
        lambda values: values.update(steps="7"),
        lambda values: values.update(seed=True),
        lambda values: values.update(generator_lr=float("nan")),
    ],
)
def test_damaged_json_is_refused_with_its_source(damage: Any) -> None:
    content = Config().to_json()
    damage(content)
    with pytest.raises(InputError, match=r"run/config\.json: "):
        Config.from_json(content, "run/config.json")


def test_a_configuration_of_an_older_version_means_what_it_did() -> None:
    """A knob that it lacks takes its default, or what `older` says that it meant."""
    content = Config(seed=3).to_json()
    del content["export"], content["verify"]
    assert Config.from_json(content, "test") == Config(seed=3)
    plain = Knob("new", str, "b", "help", choices=("a", "b"))
    assert plain.before == "b"
    assert dataclasses.replace(plain, older="a").before == "a"


def test_steps_win_over_epochs_and_epochs_count_reals() -> None:
    assert Config(steps=10, epochs=3).total_steps(60_000) == 10
    assert Config(epochs=3, batch_size=100).total_steps(60_000) == 1_800
    assert Config(epochs=3, batch_size=100, discriminator_steps=2).total_steps(60_000) == 900
    assert Config(epochs=1, batch_size=64).total_steps(60_000) == 938


def test_a_schedule_has_one_spelling_and_a_number_stays_one() -> None:
    texts = ("0.002:5e-4@2M", "2e-3:0.0005@2000k", "0.0020:.0005@2000000")
    assert {Config(generator_lr=text).generator_lr for text in texts} == {"0.002:0.0005@2M"}
    assert Config(generator_lr="1:0.1@2.01M").generator_lr == "1:0.1@2010k"
    assert {type(Config(generator_lr=rate).generator_lr) for rate in (1, "1:1@2M")} == {float}
    rates = {"generator_lr": "1:0.1@1.5M", "lr_decay": 1.1}
    with pytest.raises(InputError, match=r"^--lr_decay=1\.1: --generator_lr=1:0\.1@1500k has a"):
        Config(**rates)  # type: ignore[arg-type]


def test_a_decay_that_float32_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match=r"^--lr_decay=1\.00000005: must be 1 or at least 1\.0"):
        Config(lr_decay=1.00000005)
    assert Config(lr_decay=1.000001).lr_decay == 1.000001


@given(
    st.sampled_from(knobs(Config)),
    st.text()
    | st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(["", "true", "nan", "0.5:0.2@3k", "0.5:0.5@3k", "1:2@0.5", "1:inf@2M"]),
)
def test_whatever_a_flag_says_is_allowed_or_refused_in_its_own_words(knob: Knob, text: str) -> None:
    try:
        value = knob.parse(text)
    except ValueError as refusal:
        said = str(refusal)
    else:
        said = knob.refusal(text)
        assert knob.check(value) == value
        assert type(value) is (str if knob.scheduled and "@" in str(value) else knob.kind)
        if isinstance(value, (int, float)) and knob.kind is not bool:
            assert knob.low <= value <= knob.high
    assert said == knob.refusal(text)


def test_a_path_and_numbers_of_numpy_are_values_like_others() -> None:
    given = Config(
        run_dir=Path("p"),  # type: ignore[arg-type]
        seed=np.int64(3),  # type: ignore[arg-type]
        generator_lr=np.float32(0.5),  # type: ignore[arg-type]
        deterministic=np.bool_(True),  # type: ignore[arg-type]
    )
    assert given == Config(run_dir="p", seed=3, generator_lr=0.5, deterministic=True)
    assert Config.from_json(json.loads(given.dumps()), "test") == given
    with pytest.raises(InputError, match="--seed=-1: must be a whole number from 0"):
        Config(seed=np.int64(-1))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="--seed=p: must be"):
        Config(seed=Path("p"))  # type: ignore[arg-type]
