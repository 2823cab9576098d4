"""The page of `scaling`, from what it has on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gan_tf.host import files
from scalings import feed_page, model_page, speed_page

Values = dict[str, Any]

_HEAD = """\
# Scaling

How the speed of a run grows with its [workers](workers.md). {measured}
`scripts/scaling` writes this page, its plots, and `{record}`.

```sh
scripts/scaling --parts=speed   # two workers of one core each, against one process
scripts/scaling --parts=model   # 8 to 256 GPUs
scripts/scaling --parts=feed    # 256 workers that read shards
```
"""


_MEASURED = "Two workers were measured on\ntwo cores; what is past that is on paper."
_NOT_MEASURED = "What two workers reach on\ntwo cores is not measured yet; the rest is on paper."


def write(record: Path, known: Values) -> None:
    """Writes the page and its plots beside a record, a path that ends in .json."""
    measured = _MEASURED if "speed" in known else _NOT_MEASURED
    shown, parts = record.with_suffix(""), [_HEAD.format(record=record.name, measured=measured)]
    if "speed" in known:
        parts += speed_page.parts(known["speed"]["cases"])
    if "model" in known and known["model"]["networks"]:
        parts += model_page.parts(known["model"], shown)
    if "feed" in known:
        parts += feed_page.parts(known["feed"], known.get("model"))
    files.write_text(record.with_suffix(".md"), "".join(parts))
