"""Keras's convolutions with the same weights and the same numbers, computed the faster way.

TensorFlow's CPU kernels are slow at a bfloat16 gradient by the kernel and at a transposed
convolution to few channels, and each is also a convolution of another shape at which they are
fast. Rates are of TensorFlow 2.21 on two AVX-512 cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

Size = tuple[int, int]
Gradient = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Conv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """Keras's layer with zeros around the images (`padding="same"`) and one stride; ValueError
    if it is told anything else.

    Groups are computed one after the other: TensorFlow's CPU kernel knows groups in the forward
    pass alone, and has no gradient of them. 3x3 at 7x7x128, batches of 64, float32, takes 8 ms with
    both gradients in groups of 32, one dense convolution 50 ms; smaller groups gain little
    (`scripts/groups`, docs/presets.md).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _refuse_what_is_not_here(self)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Images `[B, H, W, in]` -> `[B, H / stride, W / stride, out]`."""
        if _has_gpu():
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        if self.groups == 1:
            return _finish(self, convolve(inputs, kernel, self.strides[0], training))
        inputs, kernels = (tf.split(each, self.groups, -1) for each in (inputs, kernel))
        parts = [
            convolve(images, each, self.strides[0], training)
            for images, each in zip(inputs, kernels, strict=True)
        ]
        return _finish(self, tf.concat(parts, -1))


class Conv2DTranspose(keras.layers.Conv2DTranspose):  # type: ignore[misc]
    """Keras's layer, within the bounds of `Conv2D`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _refuse_what_is_not_here(self)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Images `[B, H, W, in]` -> `[B, H * stride, W * stride, out]`."""
        if _has_gpu():
            return super().call(inputs)
        height, width = (size * self.strides[0] for size in inputs.shape[1:3])
        kernel = tf.convert_to_tensor(self.kernel)
        return _finish(self, transpose(inputs, kernel, self.strides[0], (height, width), training))


def convolve(images: tf.Tensor, kernel: tf.Tensor, stride: int, training: bool = True) -> tf.Tensor:
    """Images `[B, H, W, in]` by a kernel `[k, k, in, out]`, padded with zeros: every pixel, or
    every `stride`-th. The gradient is the fast one in training, else TensorFlow's."""
    if stride == 1 and kernel.dtype != tf.bfloat16:
        # TensorFlow's has the same two kernels, and makes half the operations of a graph.
        return tf.nn.conv2d(images, kernel, 1, "SAME")

    def forward(images: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        def backward(gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            height, width = images.shape[1:3]
            return (
                transpose(gradient, kernel, stride, (height, width)),
                _kernel_gradient(images, gradient, kernel, stride),
            )

        return tf.nn.conv2d(images, kernel, stride, "SAME"), backward

    return _differentiable(forward, training)(images, kernel)


def transpose(
    images: tf.Tensor, kernel: tf.Tensor, stride: int, size: Size, training: bool = True
) -> tf.Tensor:
    """The transpose of `convolve`: images `[B, h, w, in]` by a kernel `[k, k, out, in]` to
    images of the given size `[B, H, W, out]`; see `convolve`."""

    def forward(images: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        def backward(gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return (
                convolve(gradient, kernel, stride),
                _kernel_gradient(gradient, images, kernel, stride),
            )

        if _is_faster_doubled(images, kernel, stride, size):
            return _double(images, kernel), backward
        shape = [tf.shape(images)[0], *size, kernel.shape[2]]
        return tf.nn.conv2d_transpose(images, kernel, shape, stride), backward

    return _differentiable(forward, training)(images, kernel)


def _differentiable(forward: Any, training: bool) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """A function that returns its outputs and their gradient, as TensorFlow's operation.

    A SavedModel, which has no use for gradients, would carry a warning for each of ours.
    """
    if training:
        return tf.custom_gradient(forward)  # type: ignore[no-any-return]
    return lambda images, kernel: forward(images, kernel)[0]


def _refuse_what_is_not_here(layer: keras.layers.Layer) -> None:
    plain = layer.padding == "same" and layer.data_format == "channels_last"
    square = len(set(layer.strides)) == 1 and set(layer.dilation_rate) == {1}
    if not (plain and square) or getattr(layer, "output_padding", None):
        raise ValueError(
            f"{type(layer).__name__}: must have padding='same', channels last, one stride and "
            "no dilation; keras.layers has the others"
        )


def _finish(layer: keras.layers.Layer, outputs: tf.Tensor) -> tf.Tensor:
    """Adds the bias and activates."""
    if layer.use_bias:
        # Not tf.nn.bias_add: its gradient adds up in bfloat16, and was found off by 93 %.
        outputs += tf.convert_to_tensor(layer.bias)
    return layer.activation(outputs)


def _is_faster_doubled(images: tf.Tensor, kernel: tf.Tensor, stride: int, size: Size) -> bool:
    """Whether `_double` can compute a transposed convolution, and is the faster for it.

    By TensorFlow's own kernels it is not beyond 32 pixels a side: from 32x32x64 to 64x64x3,
    float32, batches of 64 on two cores without bfloat16, forward takes 60 ms against 19, with the
    gradients 189 against 109; to 128x128x3, 382 against 219 and 946 against 692. By oneDNN's
    `_double` is a sixth faster to 64x64x3 there. That is 1 % of a step, so the limit stays.
    Other processors, and bfloat16, were not tried at these sizes.
    """
    doubled = stride == 2 and size == (2 * images.shape[1], 2 * images.shape[2])
    small = max(size) <= 32
    return bool(doubled and small and kernel.shape[0] in (4, 5) and kernel.shape[2] <= 4)


def _double(images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A transposed convolution to images of twice the size, as a 3x3 convolution.

    Each of its outputs holds the 2x2 pixels that a pixel becomes. For one output channel, from
    14x14x64: 1.6 ms a batch of 256 against 5.2 by TensorFlow's own kernel.
    """
    size, _, outputs, inputs = kernel.shape
    edge = [1, 5 - size]
    pairs = tf.reshape(tf.pad(kernel, [edge, edge, [0, 0], [0, 0]]), [3, 2, 3, 2, outputs, inputs])
    taps = tf.transpose(pairs[::-1, :, ::-1], [0, 2, 5, 1, 3, 4])
    taps = tf.reshape(taps, [3, 3, inputs, 4 * outputs])
    return tf.nn.depth_to_space(tf.nn.conv2d(images, taps, 1, "SAME"), 2)


def _kernel_gradient(
    images: tf.Tensor, gradient: tf.Tensor, kernel: tf.Tensor, stride: int
) -> tf.Tensor:
    """The gradient of `convolve` by its kernel `[k, k, in, out]`, from that by its outputs.

    It is itself a convolution, of the images by the gradient, over the batch in place of the
    channels. In bfloat16 TensorFlow's forward kernel reaches 950 GFLOP/s at 5x5x128x256 and
    600 at 5x5x64x128, its kernel for this gradient 680 and 400; in float32 it is the slower.
    """
    size, _, inputs, outputs = kernel.shape
    if kernel.dtype != tf.bfloat16 or min(inputs, outputs) <= 8:
        return tf.raw_ops.Conv2DBackpropFilter(
            input=images,
            filter_sizes=kernel.shape,
            out_backprop=gradient,
            strides=[1, stride, stride, 1],
            padding="SAME",
        )
    found = tf.nn.conv2d(
        tf.transpose(images, [3, 1, 2, 0]),
        tf.transpose(gradient, [1, 2, 0, 3]),
        strides=1,
        padding=[
            [0, 0],
            *(_padding(images.shape[axis], gradient.shape[axis], size, stride) for axis in (1, 2)),
            [0, 0],
        ],
        dilations=stride,
    )
    return tf.transpose(found[:, :size, :size], [1, 2, 0, 3])


def _padding(length: int, outputs: int, size: int, stride: int) -> list[int]:
    """The zeros that "SAME" adds before and after an axis."""
    total = max((outputs - 1) * stride + size - length, 0)
    return [total // 2, total - total // 2]


def _has_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))
