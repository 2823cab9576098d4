"""What a run says of itself: `metrics.jsonl`, TensorBoard events, the progress bar."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tqdm import tqdm

from gan_tf import devices
from gan_tf.errors import InputError
from gan_tf.figures import FIGURES, SPREAD
from gan_tf.files import naming, write_text

Line = dict[str, Any]

_EVALUATION = {*FIGURES, *SPREAD, "evaluation_seconds", "health"}


def read_metrics(path: Path) -> list[Line]:
    """Returns the whole lines of a metrics file; a line that a crash cut short is left out."""
    if not path.exists():
        return []
    lines: list[Line] = []
    for text in path.read_bytes().splitlines(keepends=True):
        if not text.endswith(b"\n"):
            break
        try:
            line = json.loads(text)
            whole = isinstance(line, dict) and line.keys() >= {"attempt", "step", "seconds"}
            if not whole or not all(_is_number(line[name]) for name in line.keys() - {"health"}):
                raise ValueError
        except ValueError:
            start = text[:40].decode(errors="replace").rstrip()
            raise InputError(
                f"{path}: line {len(lines) + 1} must be metrics as they were written, and begins "
                f"with {start!r}"
            ) from None
        lines.append(line)
    return lines


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def best(lines: Sequence[Line]) -> Line | None:
    """Returns the line with the least Fréchet distance, of any attempt; None without any."""
    evaluated = [line for line in lines if "frechet_distance" in line]
    return min(evaluated, key=lambda line: float(line["frechet_distance"]), default=None)


class Records:
    """Appends each line of metrics to `metrics.jsonl` and to TensorBoard's event file.

    There is a line every `log_every` and every `evaluate_every` steps, and one at the run's
    end. Opening it forgets what a run that goes on after `step` will say again: the lines
    behind that step, and what was said only because the run ended there.

    Attributes:
      lines: those of the attempts before and of this one.
    """

    def __init__(
        self,
        directory: Path,
        attempt: int,
        step: int,
        log_every: int,
        evaluate_every: int,
        batch_size: int,
        seconds: float,
    ) -> None:
        """Opens the records of an attempt that stands at `step`, after `seconds` of training."""
        self._attempt, self._batch_size = attempt, batch_size
        self._log_every, self._evaluate_every = log_every, evaluate_every
        self._path = path = directory / "metrics.jsonl"
        self.lines = []
        for line in read_metrics(path):
            if line["attempt"] == attempt:
                if line["step"] > step or not self._due(line["step"]):
                    continue
                if not self.evaluates(line["step"]):
                    line = {key: value for key, value in line.items() if key not in _EVALUATION}
            if line["attempt"] <= attempt:
                self.lines.append(line)
        write_text(path, "".join(map(_dumps, self.lines)))
        self._file = path.open("a", encoding="utf-8")
        self._events = directory / "tensorboard" / (f"attempt-{attempt + 1}" if attempt else "")
        self._writer = tf.summary.create_file_writer(str(self._events))
        self._step, self._time = step, time.monotonic()
        self._start = self._time - seconds

    def logs(self, step: int) -> bool:
        """Whether a line of metrics is due at a step."""
        return step % self._log_every == 0

    def evaluates(self, step: int) -> bool:
        """Whether an evaluation is due at a step."""
        return bool(self._evaluate_every) and step % self._evaluate_every == 0

    def _due(self, step: int) -> bool:
        return self.logs(step) or self.evaluates(step)

    def line_before(self, step: int) -> int:
        """Returns the step of the line before the one at `step`."""
        every = filter(None, (self._log_every, self._evaluate_every))
        return max((step - 1) // each * each for each in every)

    @property
    def evaluated(self) -> list[Line]:
        """The lines of this attempt that hold an evaluation."""
        mine = (line for line in self.lines if line["attempt"] == self._attempt)
        return [line for line in mine if "frechet_distance" in line]

    @property
    def seconds(self) -> float:
        """Seconds of training until now, those before a restart included."""
        return time.monotonic() - self._start

    def append(self, step: int, epoch: float, metrics: Line) -> Line:
        """Writes and returns a line: the metrics and the speed since the line before."""
        now = time.monotonic()
        elapsed = max(now - self._time, 1e-9)
        line = {
            "attempt": self._attempt,
            "step": step,
            "epoch": round(epoch, 4),
            "seconds": round(now - self._start, 3),
            "images_per_second": round((step - self._step) * self._batch_size / elapsed, 1),
            **metrics,
        }
        self._step, self._time = step, now
        self.lines.append(line)
        with naming(self._path):
            self._file.write(_dumps(line))
            self._file.flush()
        with devices.writing(self._events), self._writer.as_default(step):
            for name, value in line.items():
                if not isinstance(value, str):
                    _write_scalar(name, value)
            self._writer.flush()
        return line

    def close(self) -> None:
        """Closes both files."""
        with naming(self._path):
            self._file.close()
        with devices.writing(self._events):
            self._writer.close()


def _dumps(line: Line) -> str:
    return json.dumps(line) + "\n"


def _write_scalar(name: str, value: float) -> None:
    """Does what tf.summary.scalar does, which needs the package tensorboard."""
    metadata = tf.compat.v1.SummaryMetadata(
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"),
        data_class=1,  # DATA_CLASS_SCALAR
    )
    tf.summary.write(name, tf.constant(value, tf.float32), metadata=metadata)


class Progress:
    """A bar on standard error: live on a terminal, a line now and then in a log file."""

    def __init__(self, step: int, total: int) -> None:
        self._distance = ""  # Of the last evaluation.
        self._bar = tqdm(
            total=total,
            initial=step,
            mininterval=0.2 if sys.stderr.isatty() else 30.0,
            bar_format="{percentage:3.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]",
        )

    def update(self, step: int) -> None:
        """Moves the bar to a step."""
        self._bar.update(step - self._bar.n)

    def show(self, line: Line) -> None:
        """Puts the last metrics at the bar's end, to fit 80 columns."""
        if "frechet_distance" in line:
            self._distance = f" FD {line['frechet_distance']:.2f}"
        self._bar.set_postfix_str(
            f"{line['images_per_second']:.0f} img/s, G {line['generator_loss']:.2f} "
            f"D {line['discriminator_loss']:.2f} D(x) {line['d_real']:.2f} "
            f"D(G(z)) {line['d_fake']:.2f}{self._distance}",
            refresh=False,
        )

    def say(self, line: str) -> None:
        """Writes a line of its own above the bar."""
        self._bar.write(line, file=sys.stderr)

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self._bar.close()
