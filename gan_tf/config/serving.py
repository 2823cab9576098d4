"""What a run exports; see the folder `serving`."""

from __future__ import annotations

import dataclasses

from gan_tf.config.knobs import knob


@dataclasses.dataclass(frozen=True)
class ServingConfig:
    """The export at a run's end."""

    export: str = knob(
        "best",
        "What is exported at the end: best is the best generator by --best_by (the last one, if "
        "none was judged); with none, python -m gan_tf.export does it later.",
        choices=("best", "none"),
        resumable=True,
    )
