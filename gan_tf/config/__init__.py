"""The configuration of a run: every knob that decides what is trained, and how.

A file a subject, named as the folder that it is about; `knobs` says what a knob is,
`command_line` makes flags of them, `presets` finds the flag files that come with the package.

A `Config` is written into the run directory before training starts; sampling,
evaluation and export read it there, never from the command line.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from gan_tf.config import following
from gan_tf.config.data import MNIST, DataConfig, absolute_source, check_source, source_name
from gan_tf.config.evaluation import EvaluationConfig
from gan_tf.config.following import Followed
from gan_tf.config.game import GameConfig
from gan_tf.config.knobs import check_all, knobs
from gan_tf.config.models import ModelsConfig, absolute_model
from gan_tf.config.serving import ServingConfig
from gan_tf.config.training import TrainingConfig
from gan_tf.game.latents import LATENTS
from gan_tf.game.losses import LOSSES
from gan_tf.host import devices
from gan_tf.host.errors import InputError
from gan_tf.host.files import data_directory, user_path
from gan_tf.models import networks

_LEAST_DECAY = 1.000001


@dataclasses.dataclass(frozen=True)
class Config(ServingConfig, EvaluationConfig, TrainingConfig, GameConfig, DataConfig, ModelsConfig):
    """Raises InputError when a value is out of its bounds."""

    def __post_init__(self) -> None:
        check_all(self)
        networks(self.arch, self.width, self.conditional)
        if self.fake_labels != "reals" and self.conditional == "none":
            raise InputError(
                f"--fake_labels={self.fake_labels}: is for a run with labels; add "
                "--conditional=projection"
            )
        if self.fake_labels != "reals" and LOSSES[self.loss].compares:
            raise InputError(
                f"--fake_labels={self.fake_labels}: with --loss={self.loss} each fake is compared "
                "with a real of its class; add --fake_labels=reals"
            )
        if self.label_smoothing and not LOSSES[self.loss].smoothable:
            raise InputError(
                f"--loss={self.loss}: has no target to smooth; add --label_smoothing=0"
            )
        if self.augment_p is not None and self.augment != "ada":
            raise InputError(
                f"--augment_p={self.augment_p}: is of --augment=ada alone, and --augment is "
                f"{self.augment}; leave it out, or add --augment=ada"
            )
        if self.augment == "ada" and self.compile == "xla":
            raise InputError(
                "--compile=xla: XLA has no kernel that --augment=ada needs; leave --compile out"
            )
        if self.augment == "ada" and self.augment_p is None and not LOSSES[self.loss].signed:
            raise InputError(
                f"--augment=ada: goes by the sign of D, and with --loss={self.loss} it means "
                "nothing; add --augment=diffaugment, or --augment_p=0.3"
            )
        rates = {"generator_lr": self.generator_lr, "discriminator_lr": self.discriminator_lr}
        own = [f"--{name}={rate}" for name, rate in rates.items() if isinstance(rate, str)]
        if own and self.lr_decay != 1.0:
            raise InputError(
                f"--lr_decay={self.lr_decay}: {own[0]} has a schedule of its own; leave out one"
            )
        if 1.0 < self.lr_decay < _LEAST_DECAY:
            raise InputError(
                f"--lr_decay={self.lr_decay}: must be 1 or at least {_LEAST_DECAY}; float32 rounds "
                "what lies between"
            )
        if LATENTS[self.latents].codes and self.latent_codes >= self.latent_dim:
            raise InputError(
                f"--latent_dim={self.latent_dim}: must be above --latent_codes="
                f"{self.latent_codes}, for it counts the codes and the latents beside them"
            )
        if self.patience and not self.evaluate_every:
            raise InputError(
                f"--patience={self.patience}: counts evaluations, and --evaluate_every=0 makes "
                "none; leave out one"
            )
        if self.best_by != "frechet_distance" and not self.evaluate_every:
            raise InputError(
                f"--best_by={self.best_by}: is a figure of evaluations, and --evaluate_every=0 "
                "makes none; leave out one"
            )
        if self.update == "simultaneous" and self.generator_steps != 1:
            raise InputError(
                f"--generator_steps={self.generator_steps}: must be 1 with --update=simultaneous; "
                "add --update=discriminator_first"
            )

    def resolved(self) -> Config:
        """Returns the same configuration with its machine-dependent defaults filled in.

        Raises:
          InputError: it is not clear which images are meant.
        """
        check_source(self)
        return dataclasses.replace(
            self,
            dataset=self.dataset or (None if self.images else MNIST),
            images=self.images and absolute_source(self.images),
            init_from=self.init_from and absolute_model(self.init_from),
            # Absolute: later commands may run elsewhere.
            data_dir=str(data_directory(self.data_dir).absolute()),
            manual_dir=self.manual_dir and str(user_path("manual_dir", self.manual_dir).absolute()),
            run_dir=str(
                user_path("run_dir", self.run_dir or f"runs/{self.arch}-{source_name(self)}")
            ),
            precision=devices.faster_precision() if self.precision == "auto" else self.precision,
        )

    def followed(
        self, image_shape: tuple[int, int, int] | None, images: int | None
    ) -> dict[str, Followed]:
        """Returns what each knob that is left open becomes by the data, and why; see
        `following.rules`."""
        signed = LOSSES[self.loss].signed
        found = following.rules(self.batch_size, image_shape, images, signed=signed)
        if self.ema_half_life is not None:
            del found["ema_decay"]
        augment = found["augment"].value if self.augment == "auto" else self.augment
        found["compile"] = following.compiler(devices.native_compiler(), str(augment))
        return {name: v for name, v in found.items() if getattr(self, name) in (None, "auto")}

    def follow(self, image_shape: tuple[int, int, int] | None, images: int | None) -> Config:
        """Returns the same configuration with what follows the data filled in."""
        found = self.followed(image_shape, images)
        values: dict[str, Any] = {name: each.value for name, each in found.items()}
        return dataclasses.replace(self, **values)

    def of_attempt(self, number: int) -> Config:
        """Returns what an attempt of this run trains, 1 being the first: the same with its own
        seed."""
        return dataclasses.replace(self, seed=(self.seed + number - 1) % 2**31)

    def total_steps(self, images: int) -> int:
        """Returns the run's length in steps, for a training set of so many images."""
        if self.steps is not None:
            return self.steps
        epochs = self.epochs or int(following.epochs(images).value or 0)
        return -(-epochs * images // (self.batch_size * self.discriminator_steps))

    def to_json(self) -> dict[str, Any]:
        """Returns the knobs as plain values, in the order of their declaration."""
        return {each.name: getattr(self, each.name) for each in knobs(Config)}

    @staticmethod
    def from_json(values: Any, source: str) -> Config:
        """Returns the configuration that `to_json` gave, of this version or an older one.

        A knob that an older version did not have takes the value that means what it did.

        Args:
          values: what `to_json` gave.
          source: where it stood, for the error.

        Raises:
          InputError: it holds an unknown knob, or a value out of bounds.
        """
        if not isinstance(values, dict):
            raise InputError(f"{source}: must hold the configuration as an object")
        known = {each.name: each for each in knobs(Config)}
        if unknown := sorted(set(values) - set(known)):
            raise InputError(
                f"{source}: must not have {unknown[0]}; it was altered, or is a newer version's"
            )
        newer: dict[str, Any] = {
            name: each.before for name, each in known.items() if name not in values
        }
        try:
            return Config(**(newer | values))
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    def dumps(self) -> str:
        """Returns the knobs as indented JSON text."""
        return json.dumps(self.to_json(), indent=2)
