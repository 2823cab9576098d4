"""TensorFlow's graphs of our functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from etils import epy

with epy.lazy_imports():
    import tensorflow as tf


def graph(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Returns a `tf.function` of a function, which TensorFlow does not take for one of before.

    It counts the graphs that are made of the same code, and warns of retracing. A program that
    trains run after run would hear so of each, and nothing is wrong with it.

    Args:
      function: what becomes a graph when it is called first.
      **options: those of `tf.function`.
    """
    compiled: Callable[..., Any] = tf.function(functools.partial(function), **options)
    return compiled
