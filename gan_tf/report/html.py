"""HTML as a tree of elements, so that no value can become markup."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

Element = ElementTree.Element
Child = Element | str | None

_MANY_ROWS = 30

# What no HTML document may hold: control characters, and halves of characters.
_NOT_TEXT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def element(tag: str, *children: Child | Iterable[Child], **attributes: object) -> Element:
    """Returns an element.

    Args:
      tag: its name.
      *children: elements, texts, and lists of both, in their order; None is left out.
      **attributes: its attributes; `_` at a name's end is left out and `_` within it is `-`, so
        `class_` and `aria_label` are written. None and False leave one out, True is one without
        a value.
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            text = "" if value is True else _clean(str(value))
            made.set(name.rstrip("_").replace("_", "-"), text)
    for child in children:
        _append(made, child)
    return made


def _append(parent: Element, child: Child | Iterable[Child]) -> None:
    if child is None:
        return
    if isinstance(child, Element):
        parent.append(child)
    elif isinstance(child, str):
        text = _clean(child)
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text
    else:
        for each in child:
            _append(parent, each)


def _clean(text: str) -> str:
    return _NOT_TEXT.sub("\ufffd", text)


def table(
    head: Sequence[Child], rows: Iterable[Sequence[Child | Iterable[Child]]], caption: str
) -> Element:
    """Returns a table that scrolls on its own where it is wider than the page, or long; the first
    cell of each row is its heading."""
    body = [
        element(
            "tr",
            [
                element("td" if at else "th", cell, scope=None if at else "row")
                for at, cell in enumerate(row)
            ],
        )
        for row in rows
    ]
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", [element("th", cell, scope="col") for cell in head])),
        element("tbody", body),
    )
    kind = "scroll tall" if len(body) > _MANY_ROWS else "scroll"
    return element("div", made, class_=kind, tabindex="0", role="region", aria_label=caption)


def data(identifier: str, value: Any) -> Element:
    """Returns values for the page's script; what is not finite is null."""
    text = json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)
    script = element("script", type="application/json", id=identifier)
    script.text = text.replace("<", "\\u003c")  # A script's text is written as it is.
    return script


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def document(title: str, body: Sequence[Element], *, styles: str, scripts: Sequence[str]) -> str:
    """Returns a whole document that asks for nothing outside itself.

    Args:
      title: the document's title.
      body: what it shows.
      styles, scripts: CSS and JavaScript of this package. No other script runs in the document,
        and it can load nothing, even if a value did become markup.
    """
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
        f"form-action 'none'; script-src {allowed or repr('none')}"
    )
    about = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
    ]
    head = element("head", about, element("title", title), _raw("style", styles))
    root = element(
        "html", head, element("body", body, [_raw("script", each) for each in scripts]), lang="en"
    )
    return "<!DOCTYPE html>\n" + ElementTree.tostring(root, "unicode", method="html") + "\n"


def _raw(tag: str, text: str) -> Element:
    made = element(tag)
    made.text = text
    return made


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
