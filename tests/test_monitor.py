"""The monitor's verdicts: pure decisions, at the second bad evaluation in a row."""

from __future__ import annotations

from typing import Any

import pytest

from gan_tf.training import health
from gan_tf.training.health import Measurement, Verdict, verdict

# As the default run's evaluations go, roughly.
HEALTHY: list[dict[str, float]] = [
    {
        "frechet_distance": 14.0 * 0.9**i,
        "coverage": 0.1 + 0.02 * i,
        "classes": 0.75,
        "diversity": 0.3,
        "d_accuracy": 0.7,
        "value": -1.0,
        "d_fake_after": 0.2,
        "generator_gradient": 3.0 + i,
    }
    for i in range(12)
]


def after(evaluations: int, **bad: float) -> dict[str, float]:
    """The measurement that follows so many healthy ones, with some of it bad."""
    return HEALTHY[evaluations] | bad


def test_a_healthy_run_is_never_given_up() -> None:
    assert [verdict(HEALTHY[:n]) for n in range(len(HEALTHY) + 1)] == [None] * 13


@pytest.mark.parametrize(
    ("kind", "bad", "reason"),
    [
        ("no progress", {"frechet_distance": 8.0}, "the same samples"),
        ("D overpowering", {"d_accuracy": 1.0, "d_fake_after": 1e-5}, "D(G(z)) is 1e-05"),
        ("D overpowering", {"d_accuracy": 1.0, "generator_gradient": 1e-3}, "fell from 8 to 0.001"),
        ("regression", {"frechet_distance": 60.0}, "rose from 8.3 to 61.0"),
        ("G collapsed", {"coverage": 0.03}, "coverage fell from 0.20 to 0.03"),
        ("G collapsed", {"diversity": 0.01}, "vary 0.01 times"),
        ("G collapsed", {"classes": 0.1}, "0.10 times as many classes"),
    ],
)
def test_the_second_bad_evaluation_in_a_row_makes_the_verdict(
    kind: str, bad: dict[str, float], reason: str
) -> None:
    first, second = after(6, **bad), after(7, **bad)
    if kind == "regression":
        second["frechet_distance"] += 1.0  # Standing still would be another matter.
    once = [*HEALTHY[:6], first] if kind != "no progress" else HEALTHY[:7]
    assert verdict(once) is None
    twice = [*once, second] if kind != "no progress" else [*HEALTHY[:6], first, second, second]
    found = verdict(twice)
    assert found is not None
    assert found.kind == kind
    assert reason in found.reason
    assert verdict([*once, after(7), after(8, **bad)]) is None, "it stumbled, and recovered"


def test_on_few_images_a_regression_hides_nothing() -> None:
    """It ends nothing there, so a run that collapsed went on to its end."""
    bad = {"coverage": 0.01, "frechet_distance": 70.0}
    lost = [*HEALTHY[:6], after(6, **bad), after(7, **bad | {"frechet_distance": 71.0})]
    for images, kind in ((60_000, "regression"), (400, "G collapsed")):
        found = verdict(lost, images)
        assert found is not None
        assert found.kind == kind
        assert health.ends(found, "restart", images)


def test_what_never_came_closer_is_told_after_some_patience() -> None:
    distances = (50.0, 49.0, 51.0, 48.0, 47.0, 46.5)
    history: list[Measurement] = [
        measurement | {"frechet_distance": distance}
        for measurement, distance in zip(HEALTHY, distances, strict=False)
    ]
    assert [verdict(history[:n]) for n in range(6)] == [None] * 6
    found = verdict(history)
    assert found is not None
    assert found.kind == "no progress"
    assert "was 50.0 at first and is 46.5 at best after 6 evaluations" in found.reason


def test_who_is_as_good_as_real_images_at_first_has_no_progress_to_make() -> None:
    """The first six evaluations of a conditional run on MNIST; real images score 0.2."""
    distances, coverages = (0.265, 0.321, 0.281, 0.244, 0.245, 0.239), (0.91, 0.94, 0.95, 0.95)
    history: list[Measurement] = [
        HEALTHY[0] | {"frechet_distance": distance, "coverage": coverage}
        for distance, coverage in zip(distances, (*coverages, 0.95, 0.96), strict=True)
    ]
    assert verdict(history) is None


def test_a_run_that_has_just_begun_may_have_few_classes() -> None:
    begun = [each | {"classes": 0.1, "diversity": 0.01} for each in HEALTHY[: health.PATIENCE]]
    assert verdict(begun) is None


def test_it_changes_nothing_and_always_says_the_same() -> None:
    history: list[Any] = [*HEALTHY[:6], after(6, coverage=0.0), after(7, coverage=0.0)]
    copies = [dict(each) for each in history]
    assert verdict(history) == verdict(history)
    assert history == copies


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (
            {"d_accuracy": 1.0, "d_fake_after": 1e-5},
            "D(G(z)) is 1e-05, with coverage 0.00 at its end",
        ),
        ({"diversity": 0.01}, "the samples vary 0.01 times"),
        ({"classes": 0.1}, "0.10 times as many classes"),
    ],
)
def test_one_evaluation_says_it_where_a_run_ends(bad: dict[str, float], reason: str) -> None:
    """Where few fall into a run, no second one follows that could make a verdict."""
    last = after(0, coverage=0.0, step=1_000, **bad)
    found = health.ending([last], {})
    assert found is not None
    assert (found.kind, reason in found.reason) == ("far off", True)
    assert health.ending([after(0, coverage=0.0, step=1_000)], {}) is None
    assert health.ending([last | {"coverage": 0.2}], {}) is None, "it is near the data"
    assert health.ending([last | {"step": 499}], {}) is None, "it has just begun"


def test_a_good_generator_may_stand_still() -> None:
    """Its learning rate may have come to 0 by a schedule."""
    arrived = [after(6, coverage=0.9)] * 3
    assert verdict([*HEALTHY[:6], *arrived]) is None
    assert verdict([*HEALTHY[:6], *[after(6, coverage=0.4)] * 3]) is not None


def test_what_is_not_finite_is_named() -> None:
    expected = Verdict("not finite", "d_real and d_fake not finite")
    assert health.not_finite(["d_real", "d_fake"]) == expected


def test_few_images_are_not_begun_with_again_for_a_regression() -> None:
    """Another seed would come to the same; what else is ill has not to do with their number."""
    found, other = Verdict("regression", "a reason"), Verdict("G collapsed", "a reason")
    for on_collapse in ("restart", "rollback", "stop"):
        assert not health.ends(found, on_collapse, 3_582)
        assert health.ends(found, on_collapse, 60_000)
        assert health.ends(other, on_collapse, 3_582)
    assert not health.ends(other, "ignore", 60_000)
    assert not health.ends(None, "restart", 60_000)
