"""The networks of TensorFlow's DCGAN tutorial in plain PyTorch, in the forms its users choose.

Prints one JSON line: {"images_per_second": ...}, of training steps or of samples. It needs
torch and numpy and nothing else; the benchmark runs it in an environment of its own.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

import torch
from torch import nn

BATCH = 256
LATENTS = 100


def generator() -> nn.Module:
    """Latents `[B, 100]` -> images `[B, 1, 28, 28]`."""
    return nn.Sequential(
        nn.Linear(LATENTS, 7 * 7 * 256, bias=False),
        nn.BatchNorm1d(7 * 7 * 256),
        nn.LeakyReLU(0.3),
        nn.Unflatten(1, (256, 7, 7)),
        nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(128, 64, 5, 2, 2, output_padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(64, 1, 5, 2, 2, output_padding=1, bias=False),
        nn.Tanh(),
    )


def discriminator() -> nn.Module:
    """Images -> logits `[B, 1]`."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, 2, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 1),
    )


def autocast(precision: str) -> Any:
    """The arithmetic of a block."""
    if precision == "bfloat16":
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()


def train(precision: str, layout: str, mode: str, seconds: float) -> float:
    """Returns images a second of training steps, on noise."""
    g, d = generator(), discriminator()
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    g, d = g.to(memory_format=memory), d.to(memory_format=memory)
    g_optimizer = torch.optim.Adam(g.parameters(), 1e-4)
    d_optimizer = torch.optim.Adam(d.parameters(), 1e-4)
    images = torch.rand(60_000, 1, 28, 28) * 2 - 1
    loss = nn.functional.binary_cross_entropy_with_logits

    def losses(reals: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with autocast(precision):
            real_logits, fake_logits = d(reals), d(g(torch.randn(BATCH, LATENTS)))
        real_logits, fake_logits = real_logits.float(), fake_logits.float()
        d_loss = loss(real_logits, torch.ones_like(real_logits))
        d_loss = d_loss + loss(fake_logits, torch.zeros_like(fake_logits))
        return d_loss, loss(fake_logits, torch.ones_like(fake_logits))

    if mode == "compiled":
        losses = torch.compile(losses)

    def step() -> None:
        reals = images[torch.randint(len(images), [BATCH])].contiguous(memory_format=memory)
        d_loss, g_loss = losses(reals)
        # Each player's gradients alone, from one forward pass, as the tutorial has it.
        g_gradients = torch.autograd.grad(g_loss, list(g.parameters()), retain_graph=True)
        d_gradients = torch.autograd.grad(d_loss, list(d.parameters()))
        for network, gradients in ((g, g_gradients), (d, d_gradients)):
            for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                parameter.grad = gradient
        d_optimizer.step()
        g_optimizer.step()

    return BATCH * rate(step, 3, seconds)


def sample(precision: str, layout: str, mode: str, seconds: float) -> float:
    """Returns images a second of samples, in batches of 250."""
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    g = generator().to(memory_format=memory).eval()
    if mode == "compiled":
        g = torch.compile(g)

    def step() -> None:
        with torch.inference_mode(), autocast(precision):
            g(torch.randn(250, LATENTS)).float().numpy()

    return 250 * rate(step, 3, seconds)


def rate(step: Any, warm_up: int, seconds: float) -> float:
    """Returns calls a second."""
    for _ in range(warm_up):
        step()
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        step()
        calls += 1
    return calls / (time.perf_counter() - start)


if __name__ == "__main__":
    task, precision, layout, mode, seconds = sys.argv[1:]
    work = {"train": train, "sample": sample}[task]
    print(json.dumps({"images_per_second": work(precision, layout, mode, float(seconds))}))
