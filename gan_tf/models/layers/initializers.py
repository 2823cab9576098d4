"""Initial weights that more than one family uses."""

from __future__ import annotations

import math
from typing import Any

from etils import epy

with epy.lazy_imports():
    import keras


def torch_default(fan_in: int) -> dict[str, Any]:
    """Keyword arguments that start a layer as PyTorch does: weights AND biases U(+-1/sqrt(fan_in)).

    Args:
      fan_in: inputs of one output: units of a dense layer; kernel area times input
        channels of a convolution, times output channels of a transposed one.
    """
    bound = 1.0 / math.sqrt(fan_in)
    return {
        "kernel_initializer": keras.initializers.RandomUniform(-bound, bound),
        "bias_initializer": keras.initializers.RandomUniform(-bound, bound),
    }
