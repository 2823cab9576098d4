"""What a run records of itself: `metrics.jsonl` and TensorBoard events."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from gan_tf.evaluation.figures import (
    CONDITIONING,
    COPIES,
    FIGURES,
    LABEL_ACCURACY,
    LIKELIHOOD,
    SPREAD,
)
from gan_tf.host.files import naming, tensorflow_writing, write_text
from gan_tf.report import pictures
from gan_tf.training.health import FAR_OFF
from gan_tf.training.metrics import Line, is_judged, read_metrics

_METRICS = "metrics.jsonl"
_CONDITIONAL = {LABEL_ACCURACY, *CONDITIONING}
_EVALUATION = {
    *(*FIGURES, *SPREAD, COPIES, LIKELIHOOD, *_CONDITIONAL),
    "evaluation_seconds",
    "health",
}


def forget(directory: Path, attempt: int, step: int, lasting: set[str]) -> None:
    """Removes what a run that goes on after `step` will say again, and what was said at that step
    only because the run ended there.

    Args:
      directory: the run directory.
      attempt: the attempt that goes on; lines of later ones go, too.
      step: where it stands.
      lasting: what of that step stays; see `Schedule.lasting`.
    """
    kept = []
    for line in read_metrics(directory / _METRICS):
        if (line["attempt"], line["step"]) == (attempt, step):
            if "line" not in lasting:
                continue
            if "evaluation" not in lasting:
                line = {key: value for key, value in line.items() if key not in _EVALUATION}
            elif line.get("health") == FAR_OFF:
                del line["health"]
        if (line["attempt"], line["step"]) <= (attempt, step):
            kept.append(line)
    write_text(directory / _METRICS, "".join(map(_dumps, kept)))


class Journal:
    """Appends each line of metrics to `metrics.jsonl` and to TensorBoard's event file, and shows
    the grids of samples there.

    Attributes:
      lines: those of the attempts before and of this one.
    """

    def __init__(
        self, directory: Path, *, attempt: int, step: int, seconds: float, batch_size: int
    ) -> None:
        """Opens the journal of an attempt that stands at `step`, after `seconds` of training."""
        self._attempt, self._batch_size = attempt, batch_size
        self._path = path = directory / _METRICS
        self.lines = read_metrics(path)
        self._file = path.open("a", encoding="utf-8")
        name = f"attempt-{attempt}" if attempt > 1 else ""
        self._events = directory / "tensorboard" / name
        self._writer = tf.summary.create_file_writer(str(self._events))
        self._step, self._time = step, time.monotonic()
        self._start = self._time - seconds

    def evaluated(self, step: int) -> list[Line]:
        """The lines of this attempt before a step that hold an evaluation."""
        mine = (line for line in self.lines if line["attempt"] == self._attempt)
        return [line for line in mine if line["step"] < step and is_judged(line)]

    def said(self, step: int) -> Line:
        """A copy of the line of the step that this attempt stands at; {} if it is not there yet."""
        last = self.lines[-1] if self.lines else {}
        is_here = (last.get("attempt"), last.get("step")) == (self._attempt, step)
        return dict(last) if is_here else {}

    @property
    def seconds(self) -> float:
        """Seconds of training until now, those before a restart included."""
        return time.monotonic() - self._start

    def append(self, step: int, epoch: float, metrics: Line) -> Line:
        """Writes and returns a line: the metrics and the speed since the line before. A line of
        this step that is there already keeps its own speed, and gains what is new."""
        now, said = time.monotonic(), self.said(step)
        steps, since = step - self._step, self._time
        if not steps:  # An end that is made again: then it is the speed of all of it.
            steps, since = step, self._start
        line = said or {
            "attempt": self._attempt,
            "step": step,
            "epoch": round(epoch, 4),
            "seconds": round(now - self._start, 3),
            "images_per_second": round(steps * self._batch_size / max(now - since, 1e-9), 1),
        }
        line |= metrics
        self._step, self._time = step, now
        with naming(self._path):
            if said:
                self.lines.pop()
            if said or not self._is_whole():
                self._file.close()
                write_text(self._path, "".join(map(_dumps, [*self.lines, line])))
                self._file = self._path.open("a", encoding="utf-8")
            else:
                self._file.write(_dumps(line))
                self._file.flush()
                os.fsync(self._file.fileno())  # A checkpoint that comes later must not be alone.
        self.lines.append(line)
        with tensorflow_writing(self._events), self._writer.as_default(step):
            for name, value in line.items():
                if not isinstance(value, str):
                    _write_scalar(name, value)
            self._writer.flush()
        return line

    def _is_whole(self) -> bool:
        """Whether the open file is still the one at its path, and as long as it was left. An editor
        puts another in its place, and what is appended to this one is lost."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            there = None
        ours = os.fstat(self._file.fileno())
        if there and os.path.samestat(there, ours) and ours.st_size == self._file.tell():
            return True
        print(
            f"warning: {self._path} was altered or removed while the run trains; writing it anew",
            file=sys.stderr,
        )
        return False

    def show(self, step: int, picture: Path) -> None:
        """Puts a PNG of samples among TensorBoard's images, over white if it has alpha: the page
        behind it may be dark."""
        png, size = pictures.opaque_png(picture)
        with tensorflow_writing(self._events), self._writer.as_default(step):
            _write_image("samples", png, size)
            self._writer.flush()

    def close(self) -> None:
        """Closes both files."""
        with naming(self._path):
            self._file.close()
        with tensorflow_writing(self._events):
            self._writer.close()


def _dumps(line: Line) -> str:
    return json.dumps(line) + "\n"


def _write_scalar(name: str, value: float) -> None:
    """Does what tf.summary.scalar does, which needs the package tensorboard."""
    data_class = 1  # DATA_CLASS_SCALAR
    tf.summary.write(name, tf.constant(value, tf.float32), metadata=_plugin("scalars", data_class))


def _write_image(name: str, png: bytes, size: tuple[int, int]) -> None:
    """Does what tf.summary.image does, of one PNG that is drawn already."""
    data_class = 3  # DATA_CLASS_BLOB_SEQUENCE
    content = tf.constant([str(size[0]), str(size[1]), png])
    tf.summary.write(name, content, metadata=_plugin("images", data_class))


def _plugin(name: str, data_class: int) -> Any:
    """The name of the TensorBoard plugin that shows a value, in TensorFlow's form."""
    return tf.compat.v1.SummaryMetadata(
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name=name),
        data_class=data_class,
    )
