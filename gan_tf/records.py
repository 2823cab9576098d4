"""What a run says of itself: `metrics.jsonl`, TensorBoard events, the progress bar."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from gan_tf.errors import InputError
from gan_tf.files import write_text

Line = dict[str, float]


def read_metrics(path: Path) -> list[Line]:
    """Returns the whole lines of a metrics file; a line that a crash cut short is left out."""
    if not path.exists():
        return []
    lines: list[Line] = []
    for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not text.endswith("\n"):
            break
        try:
            line = json.loads(text)
            float(line["step"]), float(line["seconds"])
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}: line {len(lines) + 1} was altered: {text[:40]!r}") from None
        lines.append(line)
    return lines


class Records:
    """Appends each line of metrics to `metrics.jsonl` and to TensorBoard's event file.

    Opening it forgets what a run that goes on after `step` will say again: the lines
    behind that step, and the one that closed the run between two multiples of `every`.
    """

    def __init__(
        self, directory: Path, step: int, every: int, batch_size: int, seconds: float
    ) -> None:
        """Opens the records of a run that stands at `step`, after `seconds` of training."""
        path = directory / "metrics.jsonl"
        self.lines = [
            line
            for line in read_metrics(path)
            if line["step"] <= step and line["step"] % every == 0
        ]
        write_text(path, "".join(map(_dumps, self.lines)))
        self._file = path.open("a", encoding="utf-8")
        self._writer = tf.summary.create_file_writer(str(directory / "tensorboard"))
        self._batch_size = batch_size
        self._step, self._time = step, time.monotonic()
        self._start = self._time - seconds

    @property
    def seconds(self) -> float:
        """Seconds of training until now, those before a restart included."""
        return time.monotonic() - self._start

    def append(self, step: int, epoch: float, metrics: Line) -> Line:
        """Writes and returns a line: the metrics and the speed since the line before."""
        now = time.monotonic()
        elapsed = max(now - self._time, 1e-9)
        line = {
            "step": step,
            "epoch": round(epoch, 4),
            "seconds": round(now - self._start, 3),
            "images_per_second": round((step - self._step) * self._batch_size / elapsed, 1),
            **metrics,
        }
        self._step, self._time = step, now
        self.lines.append(line)
        self._file.write(_dumps(line))
        self._file.flush()
        with self._writer.as_default(step):
            for name, value in line.items():
                _write_scalar(name, value)
        self._writer.flush()
        return line

    def close(self) -> None:
        """Closes both files."""
        self._file.close()
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
        self._bar.set_postfix_str(
            f"{line['images_per_second']:.0f} images/s, G {line['generator_loss']:.2f} "
            f"D {line['discriminator_loss']:.2f} D(x) {line['d_real']:.2f} "
            f"D(G(z)) {line['d_fake']:.2f}",
            refresh=False,
        )

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self._bar.close()
