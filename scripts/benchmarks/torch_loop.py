"""The networks of TensorFlow's DCGAN tutorial, and a DCGAN for colour images of 64x64, in plain
PyTorch, in the forms its users choose.

Prints one JSON line: {"images_per_second": ...}, of training steps or of samples. It needs
torch and numpy and nothing else; the benchmark runs it in an environment of its own.
"""

from __future__ import annotations

import contextlib
import copy
import json
import sys
import time
from typing import Any

import torch
from torch import nn


def tutorial() -> tuple[nn.Module, nn.Module]:
    """TensorFlow's tutorial: 5x5 kernels, dropout in D; images `[B, 1, 28, 28]`."""
    generator = nn.Sequential(
        nn.Linear(100, 7 * 7 * 256, bias=False),
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
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, 2, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 1),
    )
    return generator, discriminator


def colour() -> tuple[nn.Module, nn.Module]:
    """A DCGAN for images `[B, 3, 64, 64]`: batch norm in G alone."""

    def normalised(maps: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(maps), nn.ReLU()]

    def doubled(inputs: int, outputs: int) -> nn.Module:
        return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)

    def halved(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(0.2)]

    generator = nn.Sequential(
        nn.Linear(64, 8 * 8 * 256, bias=False),
        nn.Unflatten(1, (256, 8, 8)),
        *normalised(256),
        nn.Conv2d(256, 256, 3, 1, 1, bias=False),
        *normalised(256),
        doubled(256, 128),
        *normalised(128),
        doubled(128, 64),
        *normalised(64),
        nn.ConvTranspose2d(64, 3, 4, 2, 1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        *halved(3, 32),
        *halved(32, 64),
        *halved(64, 128),
        nn.Flatten(),
        nn.Linear(8 * 8 * 128, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 1),
    )
    return generator, discriminator


# Networks, size of the latents, batch, images, Adam's rate and first decay, and the decay of G's
# average.
RECIPES: dict[str, Any] = {
    "tutorial": (tutorial, 100, 256, (60_000, 1, 28, 28), 1e-4, 0.9, 0.0),
    "colour": (colour, 64, 64, (600, 3, 64, 64), 1e-3, 0.0, 0.999),
}


def autocast(precision: str) -> Any:
    """The arithmetic of a block."""
    if precision == "bfloat16":
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()


def train(recipe: str, precision: str, layout: str, mode: str, seconds: float) -> float:
    """Returns images a second of training steps, on noise."""
    networks, dim, batch, shape, learning_rate, beta, decay = RECIPES[recipe]
    g, d = networks()
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    g, d = g.to(memory_format=memory), d.to(memory_format=memory)
    average = copy.deepcopy(g)
    g_optimizer = torch.optim.Adam(g.parameters(), learning_rate, (beta, 0.999))
    d_optimizer = torch.optim.Adam(d.parameters(), learning_rate, (beta, 0.999))
    images = torch.rand(shape) * 2 - 1
    loss = nn.functional.binary_cross_entropy_with_logits

    def losses(reals: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with autocast(precision):
            real_logits, fake_logits = d(reals), d(g(torch.randn(batch, dim)))
        real_logits, fake_logits = real_logits.float(), fake_logits.float()
        d_loss = loss(real_logits, torch.ones_like(real_logits))
        d_loss = d_loss + loss(fake_logits, torch.zeros_like(fake_logits))
        return d_loss, loss(fake_logits, torch.ones_like(fake_logits))

    if mode == "compiled":
        losses = torch.compile(losses)

    def step() -> None:
        reals = images[torch.randint(len(images), [batch])].contiguous(memory_format=memory)
        d_loss, g_loss = losses(reals)
        # Each player's gradients alone, from one forward pass, as the tutorial has it.
        g_gradients = torch.autograd.grad(g_loss, list(g.parameters()), retain_graph=True)
        d_gradients = torch.autograd.grad(d_loss, list(d.parameters()))
        for network, gradients in ((g, g_gradients), (d, d_gradients)):
            for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                parameter.grad = gradient
        d_optimizer.step()
        g_optimizer.step()
        if decay:
            means, weights = list(average.parameters()), list(g.parameters())
            with torch.no_grad():
                torch._foreach_lerp_(means, weights, 1 - decay)

    return int(batch) * rate(step, 3, seconds)


def sample(recipe: str, precision: str, layout: str, mode: str, seconds: float) -> float:
    """Returns images a second of samples, in batches of 250."""
    networks, dim, *_ = RECIPES[recipe]
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    g = networks()[0].to(memory_format=memory).eval()
    if mode == "compiled":
        g = torch.compile(g)

    def step() -> None:
        with torch.inference_mode(), autocast(precision):
            g(torch.randn(250, dim)).float().numpy()

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
    task, recipe, precision, layout, mode, seconds = sys.argv[1:]
    work = {"train": train, "sample": sample}[task]
    found = work(recipe, precision, layout, mode, float(seconds))
    print(json.dumps({"images_per_second": found}))
