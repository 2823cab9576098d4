"""The configuration of a run: every knob that decides what is trained, and how.

A `Config` is written into the run directory before training starts; sampling,
evaluation and export read it there, never from the command line.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from gan_tf import devices
from gan_tf.config.game import GameConfig
from gan_tf.config.records import RecordsConfig
from gan_tf.config.run import RunConfig
from gan_tf.errors import InputError
from gan_tf.files import data_directory, user_path
from gan_tf.knobs import check_all, knobs
from gan_tf.losses import LOSSES


@dataclasses.dataclass(frozen=True)
class Config(RecordsConfig, GameConfig, RunConfig):
    """Raises InputError when a value is out of its bounds."""

    def __post_init__(self) -> None:
        check_all(self)
        if self.label_smoothing and not LOSSES[self.loss].smoothable:
            raise InputError(
                f"--loss={self.loss}: has no target to smooth; add --label_smoothing=0"
            )
        if self.update == "simultaneous" and self.generator_steps != 1:
            raise InputError(
                f"--generator_steps={self.generator_steps}: must be 1 with --update=simultaneous; "
                "add --update=discriminator_first"
            )

    def resolved(self) -> Config:
        """Returns the same configuration with its machine-dependent defaults filled in."""
        name = f"{self.arch}-{self.dataset}".replace("/", "-").replace(":", "-")
        return dataclasses.replace(
            self,
            data_dir=str(data_directory(self.data_dir)),
            manual_dir=self.manual_dir and str(user_path("manual_dir", self.manual_dir)),
            run_dir=str(user_path("run_dir", self.run_dir or f"runs/{name}")),
            precision=devices.native_precision() if self.precision == "auto" else self.precision,
        )

    def of_attempt(self, attempt: int) -> Config:
        """Returns what attempt number `attempt` of this run trains: the same with its own seed."""
        return dataclasses.replace(self, seed=(self.seed + attempt) % 2**31)

    def total_steps(self, images: int) -> int:
        """Returns the run's length in steps, for a training set of so many images."""
        if self.steps is not None:
            return self.steps
        return -(-self.epochs * images // (self.batch_size * self.discriminator_steps))

    def to_json(self) -> dict[str, Any]:
        """Returns the knobs as plain values, in the order of their declaration."""
        return {each.name: getattr(self, each.name) for each in knobs(Config)}

    @staticmethod
    def from_json(values: Any, source: str) -> Config:
        """Returns the configuration that `to_json` gave; InputError names `source` if it is not."""
        names = {each.name for each in knobs(Config)}
        if not isinstance(values, dict):
            raise InputError(f"{source}: must hold the configuration as an object")
        if wrong := sorted(names ^ set(values)):
            has = "has no" if wrong[0] in names else "must not have"
            raise InputError(f"{source}: {has} {wrong[0]}; it was altered, or is another version's")
        try:
            return Config(**values)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    def dumps(self) -> str:
        """Returns the knobs as indented JSON text."""
        return json.dumps(self.to_json(), indent=2)
