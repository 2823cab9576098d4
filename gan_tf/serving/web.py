"""The exported generator as a page that runs it in a browser: one file to mail, and a folder.

The parts of the page lie in `assets/`: ours, and ONNX Runtime Web (`scripts/vendor_runtime.py`).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
import sys
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from gan_tf.data.images.wanted import Wanted
from gan_tf.serving import described
from gan_tf.serving.onnx_model import to_onnx

_RUNTIME = ("runtime.mjs", "runtime.wasm", "notices.txt")
_SCRIPTS = ("latents.js", "networks.js", "pictures.js", "judge.js", "controls.js")
_KINDS = {1: "grey", 3: "colour", 4: "colour, with transparency"}
_NETWORKS = {"generator.onnx": "serving_default", "discriminator.onnx": "discriminate"}


def to_web(saved_model: Path, output: Path) -> None:
    """Writes the page as one file, `output`, and as a folder of that name without its suffix.

    The file opens from disk. The folder is for a web server: its parts are loaded one by one.

    Raises:
      InputError: without the extra `onnx`, or where the networks cannot be converted.
    """
    metadata = json.loads((saved_model / "assets.extra" / "gan_tf.json").read_text("utf-8"))
    packed = {name: _asset(f"{name}.gz") for name in _RUNTIME}
    packed |= _networks(saved_model, output.parent)
    output.write_text(page(metadata, packed), encoding="utf-8")
    folder = output.with_suffix("")
    folder.mkdir()
    (folder / "index.html").write_text(page(metadata, {}), encoding="utf-8")
    for name, content in packed.items():
        (folder / f"{name}.gz").write_bytes(content)


def _networks(saved_model: Path, beside: Path) -> dict[str, bytes]:
    """Returns both networks as ONNX, packed; takes one that lies beside the page already."""
    packed = {}
    with tempfile.TemporaryDirectory() as place:
        for name, signature in _NETWORKS.items():
            file = beside / name
            if not file.exists():
                file = Path(place) / name
                print(f"Converting {name} for the page ...", file=sys.stderr, flush=True)
                to_onnx(saved_model, file, signature, "web")
            packed[name] = gzip.compress(file.read_bytes(), 9, mtime=0)
    return packed


def page(metadata: Mapping[str, Any], packed: Mapping[str, bytes]) -> str:
    """Returns the page.

    Args:
      metadata: of the export. Its values are data: none becomes markup.
      packed: what the page holds, by name, packed by gzip. It asks for the rest beside it.
    """
    script = '"use strict";\n' + "".join(_asset(name).decode() for name in _SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    held = [
        f'<script type="text/plain" id="{name}">{base64.b64encode(content).decode()}</script>'
        for name, content in packed.items()
    ]
    values = {
        "TITLE": html.escape(f"Images of {metadata['dataset']}, drawn by your browser"),
        "STYLE": _asset("page.css").decode(),
        "DIGEST": f"sha256-{digest}",
        "LICENCE": html.escape(_asset("onnxruntime-LICENSE").decode()),
        # A script's text is taken as it is: no `<` may begin a tag in it.
        "DATA": json.dumps(_facts(metadata)).replace("<", "\\u003c"),
        "RESOURCES": "\n".join(held),
        "SCRIPT": script,
    }
    # All at once, so that no value is looked through for another's place.
    return re.sub("@@([A-Z]+)@@", lambda found: values[found[1]], _asset("page.html").decode())


def _facts(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the page must know of an export, and what it says of it."""
    config = metadata["config"]
    latents = described.distribution(metadata)
    height, width, channels = metadata["image_shape"]
    size = f"{height}x{width}, {_KINDS[channels]}"
    paper = _paper(metadata)
    about = {
        "Trained on": metadata["dataset"],
        "Licence of the data": metadata["licence"] or "unknown",
        "Networks": f"{config['arch']}, step {metadata['step']:,}",
        "Images": size,
        "Latents": f"{metadata['latent_dim']}, {metadata['latents']}",
        "Made by": f"gan_tf {metadata['gan_tf']}",
    }
    return {
        "latents": metadata["latents"],
        "mean": latents.mean,
        "codes": latents.codes,
        "latent_dim": metadata["latent_dim"],
        "image_shape": metadata["image_shape"],
        "classes": list(metadata.get("classes", {})),
        "about": list(about.items()),
        "paper": paper and "#{:02x}{:02x}{:02x}".format(*paper),
        "pen": "#000000" if paper is None or sum(paper) > 3 * 127 else "#ffffff",
    }


def _paper(metadata: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """Returns what a person draws on, red, green and blue: what lies behind pictures of one's own
    and other colour images, black behind digits; None, which is nothing, where images have alpha.
    """
    channels = metadata["image_shape"][-1]
    if channels == 4:
        return None
    if channels == 1 and not metadata.get("imported"):
        return (0, 0, 0)
    return Wanted(background=metadata["config"].get("background", Wanted.background)).colour


def _asset(name: str) -> bytes:
    return (resources.files("gan_tf.serving") / "assets" / name).read_bytes()
