"""Which networks; see the folder `models`."""

from __future__ import annotations

import dataclasses

from gan_tf.config.knobs import knob
from gan_tf.host.files import user_path
from gan_tf.models import ARCHITECTURES, CONDITIONAL, PRETRAINED


@dataclasses.dataclass(frozen=True)
class ModelsConfig:
    """The pair of networks."""

    arch: str = knob("dcgan", "Pair of networks.", choices=ARCHITECTURES)
    init_from: str | None = knob(
        None,
        "Begin with the networks of another run, its best generator and D then, or of an export; "
        "they must have the same shapes. mnist is the package's own generator of digits, if "
        "nothing of that name is there.",
        unit="a run directory, a SavedModel such as RUN_DIR/export/1, or mnist",
        kept=True,
    )
    conditional: str = knob(
        "none",
        "How labels enter both networks, so that G draws a class on request: concat sets them "
        "beside z and beside the image; projection, which is better here, behind G's batch norms "
        "and into a product with D's features. none leaves them out.",
        choices=CONDITIONAL,
    )
    latent_dim: int = knob(64, "Size of the latent vector z.", unit="dimensions", low=1, high=4_096)
    width: int | None = knob(
        None,
        "Maps of G's last layer before the image, of which those of the other layers are "
        "multiples, in dcgan (64 by default) and resnet (16). The time of a step grows with its "
        "square.",
        unit="maps",
        low=8,
        high=512,
    )


def absolute_model(text: str) -> str:
    """Returns the absolute path of a model that a user names, or its name if the package has it."""
    path = user_path("init_from", text)
    return text if text in PRETRAINED and not path.exists() else str(path.absolute())
