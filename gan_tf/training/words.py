"""The rules of a run in words, and the command that makes it, from what its config.json holds."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gan_tf.config import Config
from gan_tf.config.knobs import knobs
from gan_tf.evaluation.figures import MANY

Values = Mapping[str, Any]

NOT_GIVEN = "not given"  # How a flag without a value is shown.

_ORDERS = {
    "discriminator_first": "D learns, then G, as in Algorithm 1 (Goodfellow et al., 2014)",
    "generator_first": "G learns, then D",
    "simultaneous": "both learn at once, from one forward pass",
}
_LOSSES = {
    "non_saturating": "D: -E[log D(x)] - E[log(1 - D(G(z)))]; G: -E[log D(G(z))]",
    "minimax": "D: -E[log D(x)] - E[log(1 - D(G(z)))]; G: E[log(1 - D(G(z)))]",
    "least_squares": "D: E[(D(x) - 1)²]/2 + E[D(G(z))²]/2; G: E[(D(G(z)) - 1)²]/2",
    "hinge": "D: E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]; G: -E[D(G(z))]",
    "wasserstein": "D: E[D(G(z))] - E[D(x)]; G: -E[D(G(z))]",
    "relativistic": "D: -E[log sigmoid(D(x) - D(G(z)))]; G: -E[log sigmoid(D(G(z)) - D(x))]",
}
_LATENTS = {
    "normal": "N(0, 1)",
    "uniform": "U(-1, 1)",
    "unit_uniform": "uniform, of unit variance",
    "unit_cube": "U(0, 1)",
    "shifted_normal": "N(-1, 1)",
}
_ILL = {
    "restart": "begin anew with the next seed",
    "rollback": "go back to the best generator, with the next seed",
    "stop": "stop",
    "ignore": "report it and go on",
}


def rules(config: Values) -> Iterator[tuple[str, str]]:
    """Yields each rule of a run's game with its name; what the configuration does not say is left
    out."""
    for name, rule in _RULES.items():
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            if text := rule(config):
                yield name, text


def _order(config: Values) -> str:
    order, k = _ORDERS.get(config["update"], config["update"]), config["discriminator_steps"]
    each, of_g = f"; {k} updates of D in a step" if k != 1 else "", config.get("generator_steps", 1)
    if of_g == 0:
        order = "D alone learns; G is frozen"
    elif of_g > 1:
        each += f"; {of_g} updates of G in a step"
    return f"{order}{each}, in batches of {config['batch_size']:,}"


def _loss(config: Values) -> str:
    name = config["loss"].replace("_", "-")
    formula = f": {_LOSSES[config['loss']]}" if config["loss"] in _LOSSES else ""
    smoothing = config["label_smoothing"]
    target = f"; D's target for reals is {1 - smoothing:g}" if smoothing else ""
    return f"{name}{formula}{target}"


def _penalties(config: Values) -> str:
    found = []
    every = f"every {config['r1_every']} steps"
    if config["r1_gamma"]:
        weight = _number(config["r1_gamma"])
        found.append(f"R1 of weight {weight} on D's slope at the reals, {every}")
    if config.get("r2_gamma"):
        found.append(f"R2 of weight {_number(config['r2_gamma'])} at the fakes, {every}")
    if config["gradient_penalty"]:
        weight = _number(config["gradient_penalty"])
        found.append(f"D's slope is pulled to 1, of weight {weight} (Gulrajani et al., 2017)")
    return "; ".join(found)


def _latents(config: Values) -> str:
    name = config["latents"]
    if name == "mixture":
        return f"{config['latent_dim']:,} numbers, of which {config['latent_codes']} are a code"
    return f"{config['latent_dim']:,} numbers, {_LATENTS.get(name, name)}"


def _optimizer(config: Values) -> str:
    g, d = (_number(config[f"{player}_lr"]) for player in ("generator", "discriminator"))
    if config["optimizer"] == "adam":
        betas = f"{_number(config['beta_1'])} and {_number(config['beta_2'])}"
        return f"Adam, learning rates {g} of G, {d} of D, betas {betas}"
    momentum = _number(config["momentum"])
    return f"{config['optimizer']}, learning rates {g} of G, {d} of D, momentum {momentum}"


def _average(config: Values) -> str:
    said = "the average of G's weights is sampled and exported"
    if config.get("ema_half_life") is not None:
        return f"{said}, half forgotten in {_number(config['ema_half_life'])} images"
    decay = config["ema_decay"]
    return f"{said}, decay {_number(decay)}" if decay else ""


def _number(value: float | str) -> str:
    """A number, or the schedule of one, as it was given."""
    return value if isinstance(value, str) else f"{value:g}"


def _judging(config: Values) -> str:
    if not config["evaluate_every"]:
        return ""
    return f"{samples(config)} samples every {config['evaluate_every']:,} steps"


def _augmentation(config: Values) -> str:
    return "" if config["augment"] == "none" else str(config["augment"])


def _labels(config: Values) -> str:
    if config["conditional"] == "none":
        return ""
    return f"given to both networks, by {config['conditional']}"


_RULES: dict[str, Callable[[Values], str]] = {
    "Updates": _order,
    "Losses": _loss,
    "Penalties": _penalties,
    "Latents": _latents,
    "Optimiser": _optimizer,
    "Average": _average,
    "Augmentation": _augmentation,
    "Labels": _labels,
    "Judged": _judging,
    "If it turns ill": lambda config: str(_ILL.get(config["on_collapse"], config["on_collapse"])),
    "Seed, arithmetic": lambda config: f"{config['seed']}, {config['precision']}",
}


def samples(config: Values) -> str:
    """Returns how many samples a run was judged by: of more than MANY, only as many as images were
    held out, which its configuration does not say."""
    number = config["evaluate_images"]
    return f"{'at most ' if number > MANY else ''}{number:,}"


def given(config: Values) -> list[str]:
    """Returns the names of the flags that are not at their defaults, in their order."""
    names = [
        each.name
        for each in knobs(Config)
        if each.name in config and config[each.name] not in (None, each.default)
    ]
    if config.get("steps"):
        names = [name for name in names if name != "epochs"]  # The steps count.
    return names


def flags(config: Values) -> dict[str, str]:
    """Returns every flag of a run as text; one that is newer than the run as what the run did."""
    if not config:
        return {}
    newer = {each.name: each.before for each in knobs(Config)}
    return {name: text(value) for name, value in (newer | dict(config)).items()}


def command(config: Values, run_dir: Path | None = None) -> str:
    """Returns the command line that makes a run, for a shell; `run_dir` is where its directory
    lies now, which counts if that is not what its configuration says."""
    if run_dir and str(run_dir) != config.get("run_dir"):
        config = dict(config) | {"run_dir": str(run_dir.absolute())}
    flags = [f"--{name}={text(config[name])}" for name in given(config)]
    return shlex.join(["python", "-m", "gan_tf.train", *flags])


def text(value: object) -> str:
    """Returns a flag's value as it is typed."""
    if value is None:
        return NOT_GIVEN
    return str(value).lower() if isinstance(value, bool) else str(value)


def duration(seconds: float) -> str:
    """Returns a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
