"""What every page has: its frame, its notices, and small parts of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources

from gan_tf.report import html, images
from gan_tf.report.account import Account, Words
from gan_tf.report.html import Element, element

STATES = {
    "finished": "finished",
    "failed": "failed",
    "under way": "still training",
    "stopped": "stopped before its end",
}


def document(
    title: str,
    head: Sequence[Element],
    sections: Sequence[tuple[str, str, Sequence[Element]]],
    made: str,
    watched: bool = False,
) -> str:
    """Returns a document of sections, each an identifier, a heading and what it shows; those that
    show nothing are left out."""
    shown = [each for each in sections if each[2]]
    links = [element("li", element("a", name, href=f"#{place}")) for place, name, _ in shown]
    body = [
        element("a", "Skip to the content", href="#content", class_="skip"),
        element("header", element("h1", title), head),
        element("nav", element("ul", links), aria_label="Sections"),
        element(
            "main",
            [
                element("section", element("h2", name), content, id=place)
                for place, name, content in shown
            ],
            id="content",
        ),
        element("footer", element("p", made)),
    ]
    if watched:
        body[1].append(element("p", id="follow"))
    scripts = [_asset("uPlot.iife.min.js"), _asset("page.js")]
    styles = _asset("uPlot.min.css") + _asset("page.css")
    return html.document(title, body, styles=styles, scripts=scripts)


@cache
def _asset(name: str) -> str:
    return (resources.files("gan_tf.report") / "assets" / name).read_text(encoding="utf-8")


def notices(account: Account) -> Iterator[Element]:
    """Yields what a reader must know before all else: what is missing, and what is private."""
    if account.missing:
        items = [element("li", each) for each in account.missing]
        text = element("p", "Some of the run could not be read. This is a report of what is left.")
        yield element("div", text, element("ul", items), class_="notice", role="note")
    if any(each.holds_training_images for each in account.drawings):
        whose = "They are the user's own. " if account.private else ""
        yield element(
            "p",
            "This file holds some of the images that the run was trained on. ",
            whose,
            element("code", "--no_training_images"),
            " makes a report without them.",
            class_="notice",
            role="note",
        )


def picture(each: images.Picture, alt: str) -> Element:
    """Returns a picture whose pixels stay sharp when it is shown larger."""
    return element("img", src=each.source, width=each.width, height=each.height, alt=alt)


def described(words: Words) -> Element:
    """Returns names and what they mean."""
    pairs = [element("div", element("dt", name), element("dd", text)) for name, text in words]
    return element("dl", pairs)
