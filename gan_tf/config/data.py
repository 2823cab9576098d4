"""Which images; see the folder `data`."""

from __future__ import annotations

import dataclasses

from gan_tf.config.knobs import knob


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The data, and what of it is held out."""

    dataset: str = knob(
        "mnist",
        "TensorFlow Datasets name of images of one shape, with sides that are multiples of 4 and "
        "1, 3 or 4 channels (emnist/letters has its config behind a slash). MNIST comes with the "
        "package, and stacked_mnist is made of it: three digits as red, green and blue, 28x28x3.",
        unit="a TFDS name",
    )
    data_dir: str | None = knob(
        None,
        "Where prepared datasets are kept; $TFDS_DATA_DIR or ~/tensorflow_datasets by default.",
        unit="a directory",
        resumable=True,
    )
    manual_dir: str | None = knob(
        None,
        "Directory that holds the dataset's own files, for a machine without a network; "
        "DATA_DIR/manual/DATASET by default.",
        unit="a directory",
        resumable=True,
    )
    verify: bool = knob(
        False,
        "Compare every byte of the prepared data with its digest, not only sizes and times.",
        resumable=True,
    )
    placement: str = knob(
        "auto",
        "Where the training images are in a run: resident in the memory of the device, or streamed "
        "from the prepared data beside the steps, with the same bits. auto streams what takes more "
        "than a quarter of the memory available.",
        choices=("auto", "resident", "streamed"),
        resumable=True,
    )
    validation_images: int = knob(
        0,
        "Training images that no step sees, kept to measure D on; with 0 the test split is.",
        unit="images",
        low=0,
        high=10_000_000,
    )
