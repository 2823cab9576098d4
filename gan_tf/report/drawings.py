"""What was drawn for a report, as tables of pictures."""

from __future__ import annotations

import math

from gan_tf.report import images
from gan_tf.report.account import Drawing
from gan_tf.report.html import Element, element

_BYTES = 500_000  # Of a page, for one drawing.
_QUALITIES = (None, 85, 60)
_WIDE = 56  # Pixels of the screen that an image is wide, at least.


def shown(drawing: Drawing) -> Element:
    """Returns a drawing with its title, how to read it, and a table of its images."""
    rows, columns, height, width, _ = drawing.images.shape
    flat = drawing.images.reshape(-1, *drawing.images.shape[2:])
    for quality in _QUALITIES:
        pictures = [images.encode(images.of_pixels(each), quality) for each in flat]
        if sum(each.bytes for each in pictures) <= _BYTES:
            break
    scale = max(1, math.ceil(_WIDE / width))

    def cell(row: int, column: int) -> Element:
        names = [
            labels[at] for labels, at in ((drawing.rows, row), (drawing.columns, column)) if labels
        ]
        image = element(
            "img",
            src=pictures[row * columns + column].source,
            alt=", ".join(names) or drawing.title,
            width=width * scale,
            height=height * scale,
        )
        note = element("small", drawing.notes[row][column]) if drawing.notes else None
        return element("td", image, note)

    body = [
        element(
            "tr",
            element("th", drawing.rows[row], scope="row") if drawing.rows else None,
            [cell(row, column) for column in range(columns)],
        )
        for row in range(rows)
    ]
    head = None
    if drawing.columns:
        corner = element("td") if drawing.rows else None
        names = [element("th", each, scope="col") for each in drawing.columns]
        head = element("thead", element("tr", corner, names))
    table = element("table", element("caption", drawing.title), head, element("tbody", body))
    return element(
        "figure",
        element("h3", drawing.title),
        element("figcaption", drawing.text),
        element(
            "div", table, class_="scroll", tabindex="0", role="region", aria_label=drawing.title
        ),
        class_="drawing",
    )
