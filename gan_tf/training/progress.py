"""What a person sees while a run trains: the progress bar, and lines above it."""

from __future__ import annotations

import os
import sys

from tqdm import tqdm

from gan_tf.config import Config
from gan_tf.evaluation.figures import LIKELIHOOD
from gan_tf.host.progress import pace
from gan_tf.training import costs
from gan_tf.training.loop import Loop
from gan_tf.training.metrics import Line, is_judged, value


class Progress:
    """A bar on standard error: live on a terminal, a line now and then in a log file.

    A terminal that is too narrow for all of it shows the figures that matter most.
    """

    def __init__(self, step: int, total: int) -> None:
        """Begins at a step of a total."""
        self._figures: list[tuple[int, str]] = []  # (importance, text), in the order shown.
        self._chosen_by: tuple[int, str] | None = None  # Of the last evaluation.
        self._speed_is_known = False
        self._bar = tqdm(
            total=total,
            initial=step,
            **pace(),
            bar_format="{percentage:3.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]",
        )

    def update(self, step: int) -> None:
        """Moves the bar to a step."""
        self._fit()
        self._bar.update(step - self._bar.n)

    def show(self, line: Line) -> None:
        """Puts the last metrics at the bar's end."""
        if is_judged(line):
            name = "LL" if LIKELIHOOD in line else "FD"
            self._chosen_by = 5, f"{name} {value(line)}"
        self._figures = [
            (4, f"{line['images_per_second']:.0f} img/s"),
            (1, f"G {_short(line['generator_loss'])}"),
            (1, f"D {_short(line['discriminator_loss'])}"),
            (3, f"D(x) {line['d_real']:.2f}"),
            (2, f"D(G(z)) {line['d_fake']:.2f}"),
        ]
        self._figures += [self._chosen_by] if self._chosen_by else []
        self._fit()

    def remark(self, loop: Loop, left: int, config: Config) -> None:
        """Says what has turned out: once, how long the `left` steps will take; and, of several
        workers, which one is slow."""
        if not self._speed_is_known and loop.steps_per_second and left:
            self._speed_is_known = True
            self.say(costs.speed(loop.steps_per_second, left, config))
        if loop.waits and (slow := loop.waits.remark()):
            self.say(slow)

    def say(self, line: str) -> None:
        """Writes a line of its own above the bar."""
        if sys.stderr is not None:
            self._bar.write(line, file=sys.stderr)

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self._fit()
        self._bar.close()

    def _fit(self) -> None:
        """Chooses the figures that find room."""
        figures = list(self._figures)
        while True:
            # A comma behind the speed, which the losses follow.
            shown = " ".join(text for _, text in figures).replace("img/s ", "img/s, ")
            self._bar.set_postfix_str(shown, refresh=False)
            whole = self._bar.format_meter(**{**self._bar.format_dict, "ncols": None})
            if not figures or len(whole) < _columns():
                return
            figures.remove(min(figures))


def _columns() -> int:
    """Characters a line of the terminal; a file's lines may be of any length."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):  # It is no terminal, or not even a file.
        return 1_000


def _short(loss: float) -> str:
    return f"{loss:.2f}" if abs(loss) < 1_000 else f"{loss:.0e}"
