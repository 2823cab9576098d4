"""The Dirac-GAN of Mescheder et al. (2018) by the package's own step, beside its theory."""

from __future__ import annotations

from pathlib import Path

import convergence
import numpy as np
import pytest
from convergence import NEAR, RULES, UPDATES, Rules
from PIL import Image

STEPS = 200


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("rules", RULES, ids=str)
def test_near_its_end_it_goes_as_theory_says(update: str, rules: Rules) -> None:
    """Off or round without a penalty, towards the end with R1, and twice as fast with R2, too."""
    found = convergence.way(update, rules, steps=STEPS, start=NEAR)
    pace = convergence.predicted(update, rules)
    assert convergence.measured(found) == pytest.approx(pace, abs=1e-3)
    converges = np.hypot(*found[-1]) < 0.05 * np.hypot(*NEAR)
    assert converges == (pace < 1 - 1e-6) == bool(rules.r1)


def test_the_paces_are_those_of_the_paper() -> None:
    """In steps so small that they do not count: -gamma / 2 a unit of time, for gamma < 1."""
    rate = 1e-5
    for rules, gamma in ((RULES[1], 0.0), (RULES[2], 0.3), (RULES[3], 0.6)):
        for update in UPDATES:
            pace = np.log(convergence.predicted(update, rules, rate)) / rate
            assert pace == pytest.approx(-gamma / 2, abs=1e-4)


def test_the_script_draws_what_it_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convergence, "RULES", (Rules("non_saturating", r1=0.3),))
    options = convergence.Options(steps=40, output=str(tmp_path / "picture.png"))
    lines = convergence.main(options).splitlines()
    assert [line.split("|")[1].strip(" `") for line in lines[2:]] == list(UPDATES)
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (900, 850)
