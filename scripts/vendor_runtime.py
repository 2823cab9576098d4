"""Writes the runtime of the page of `gan_tf.export --web`: ONNX Runtime Web, packed.

    .venv/bin/python scripts/vendor_runtime.py

The package itself comes from the npm registry and must have the digest below. Its licences come
from the wheel of the same version on PyPI, for the npm package holds none. To take a newer version,
change the constants, run this, run the tests, and look at the page.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import requests

VERSION = "1.30.0"
NPM = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
# As `npm view onnxruntime-web@VERSION dist.integrity` says it.
INTEGRITY = (
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svN"
    "c4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
ASSETS = Path(__file__).parent.parent / "gan_tf" / "serving" / "assets"
# The build for the processor alone, which holds its loader: no WebGL, WebGPU or WebNN.
FILES = {
    "runtime.mjs.gz": "package/dist/ort.wasm.bundle.min.mjs",
    "runtime.wasm.gz": "package/dist/ort-wasm-simd-threaded.wasm",
}


def fetched() -> bytes:
    """Returns the package from the npm registry; an error if it has another digest."""
    answer = requests.get(NPM, timeout=300)
    answer.raise_for_status()
    kind, _, digest = INTEGRITY.partition("-")
    if hashlib.new(kind, answer.content).digest() != base64.b64decode(digest):
        raise SystemExit(f"{NPM}: has another {kind} than was expected; nothing was written")
    return answer.content


def licences() -> tuple[bytes, bytes]:
    """Returns the licence and the notices of what the runtime is built from."""
    wanted = ["onnxruntime==" + VERSION, "--no-deps", "--only-binary=:all:"]
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", *wanted, "--dest", place]
        subprocess.run(command, check=True)
        (wheel,) = Path(place).iterdir()
        with zipfile.ZipFile(wheel) as archive:
            names = "LICENSE", "ThirdPartyNotices.txt"
            one, other = (archive.read(f"onnxruntime/{name}") for name in names)
    return one, other


def packed(content: bytes) -> bytes:
    """Returns the content by gzip: the same bytes each time."""
    return gzip.compress(content, 9, mtime=0)


def main() -> None:
    package = fetched()
    ready = {}
    with tarfile.open(fileobj=io.BytesIO(package)) as files:
        for name, path in FILES.items():
            file = files.extractfile(path)
            assert file is not None
            ready[name] = packed(file.read())
    ready["onnxruntime-LICENSE"], notices = licences()
    ready["notices.txt.gz"] = packed(notices)
    for name, content in ready.items():
        (ASSETS / name).write_bytes(content)
    print(json.dumps({name: len(content) for name, content in ready.items()}, indent=2))


if __name__ == "__main__":
    main()
