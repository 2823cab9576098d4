"""Trains lightweight-gan (PyPI, version 1.2.1) for some seconds, and keeps samples.

For a Python that has it; nothing of gan_tf is used. The package asks for CUDA: here its check is
answered yes while it is imported, and tensors and modules stay on the CPU. All else is as its
command line has it, at the size of the images.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

_BATCH = 50  # Of samples that are drawn.


class TimeIsOverError(Exception):
    """The seconds are over."""


def main() -> None:
    """Prints a line of JSON: steps, images that D saw, and seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="a folder of square PNG files, RGB")
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--num", type=int, required=True, help="samples")
    parser.add_argument("--output", type=Path, required=True, help="where it works")
    args = parser.parse_args()
    images = args.images.resolve()
    args.output.mkdir()
    os.chdir(args.output)  # It writes where it stands.
    cli, trainer_class = _on_a_cpu()
    trained: list[Any] = []
    one_step, began = trainer_class.train, time.monotonic()

    def train(self: Any) -> None:
        if time.monotonic() - began >= args.seconds:
            trained.append(self)
            raise TimeIsOverError
        one_step(self)

    trainer_class.train = train
    try:
        cli.train_from_folder(data=str(images), image_size=args.size)
    except TimeIsOverError:
        (trainer,) = trained
    seconds = time.monotonic() - began
    np.save("samples.npy", _samples(trainer, args.num))
    images_a_step = trainer.batch_size * trainer.gradient_accumulate_every
    print(
        json.dumps(
            {"steps": trainer.steps, "images": trainer.steps * images_a_step, "seconds": seconds}
        )
    )


def _on_a_cpu() -> tuple[Any, Any]:
    """Imports the package; returns its command line and its trainer."""
    there, torch.cuda.is_available = torch.cuda.is_available, lambda: True
    from lightweight_gan import cli
    from lightweight_gan.lightweight_gan import Trainer

    torch.cuda.is_available = there
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self
    zeros = torch.zeros
    torch.zeros = lambda *size, device=None, **more: zeros(*size, **more)
    return cli, Trainer


@torch.no_grad()
def _samples(trainer: Any, num: int) -> np.ndarray:
    """Images uint8 `[num, H, W, 3]` as the package itself would save them, by G as it is: its
    average begins after 20,000 steps."""
    trainer.GAN.eval()
    parts = []
    for start in range(0, num, _BATCH):
        latents = torch.randn(min(_BATCH, num - start), trainer.GAN.latent_dim)
        drawn = trainer.generate_(trainer.GAN.G, latents)
        parts.append(drawn.mul(255).add(0.5).clamp(0, 255).to(torch.uint8))
    images: np.ndarray = torch.cat(parts).permute(0, 2, 3, 1).numpy()
    return images


if __name__ == "__main__":
    main()
