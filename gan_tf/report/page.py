"""The page of one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gan_tf.report import charts, drawings, html, images
from gan_tf.report.account import Account, Attempt
from gan_tf.report.charts import Mark
from gan_tf.report.frame import STATES, described, document, notices, picture
from gan_tf.report.html import Element, element

# Bytes of a page that pictures may take, so that a page stays below 5 MB.
_FILM = 2_200_000
_STILL = 150_000
_ROWS = 32  # Of a grid: of more classes only some are drawn, in no rows of their own.
_MOST_ATTEMPTS = 5  # That are shown of those that were given up: the last ones.

_CHARTS = (
    (charts.BELIEFS, {"D(x), of reals": "d_real", "D(G(z)), of fakes": "d_fake"}),
    (charts.LOSSES, {"discriminator": "discriminator_loss", "generator": "generator_loss"}),
    (charts.DISTANCE, {"generator": "frechet_distance"}),
    (charts.SHARES, {"precision": "precision", "recall": "recall", "coverage": "coverage"}),
)
_NAMES = {"frechet_distance": "Fréchet distance", "kid": "KID"}


def page(account: Account, made: str, *, watched: bool = False) -> str:
    """Returns the page of a run as a document that needs nothing beside it.

    Args:
      account: what is known of the run.
      made: when and by what version the page was made, in words.
      watched: whether the file is written anew while the run goes on, so that who looks at it
        can have it read again.
    """
    sections = [
        ("samples", "Samples", list(_samples(account))),
        ("figures", "Figures", list(figures(account))),
        ("curves", "Curves", list(_curves(account))),
        ("drawings", "From the export", [drawings.shown(each) for each in account.drawings]),
        ("rules", "What was trained, and how", list(_rules(account))),
        ("command", "The same run again", list(_command(account))),
    ]
    return document(account.name, list(_head(account)), sections, made, watched)


def _head(account: Account) -> Iterator[Element]:
    state = element("span", STATES[account.state], class_=f"state {account.state.split()[-1]}")
    yield element("p", account.about, " ", state, class_="about")
    yield from (element("p", sentence) for sentence in account.ended)
    last = account.last
    if last and last.given_up and account.state == "failed":
        yield element("p", f"It failed: {_why(last)}.")
    yield from notices(account)


def _samples(account: Account) -> Iterator[Element]:
    last = account.last
    film, unreadable = images.film(last.frames if last else {}, _FILM)
    if unreadable:
        steps = ", ".join(f"{each:,}" for each in unreadable)
        yield element("p", f"Damaged, and left out: the grid of step {steps}.", class_="notice")
    if not film:
        return
    shown = [
        element(
            "li",
            picture(each, f"Grid of samples at step {step:,}, of {account.about or 'a run'}"),
            element("p", f"step {step:,}"),
            data_label=f"step {step:,}",
        )
        for step, each in film.items()
    ]
    yield element(
        "p", "The generator's samples, from the same latents at each step: the last one is final."
    )
    if 0 < len(account.classes) <= _ROWS:
        yield element("p", f"A row is a class: {', '.join(account.classes)}.")
    yield element("ol", shown, class_="film", tabindex="0", aria_label="Samples over time")


def _curves(account: Account) -> Iterator[Element]:
    last = account.last
    if last and last.lines:
        yield from attempt_charts(last, f"attempt-{last.number}")
    earlier = [each for each in account.attempts[:-1] if each.given_up]
    for each in earlier[-_MOST_ATTEMPTS:]:
        grid = images.open_grid(each.frames[max(each.frames)]) if each.frames else None
        yield element(
            "details",
            element("summary", f"Attempt {each.number} was given up: {_why(each)}"),
            picture(images.still(grid, _STILL), f"Its last samples, step {max(each.frames):,}")
            if grid
            else None,
            list(attempt_charts(each, f"attempt-{each.number}")),
        )


def attempt_charts(attempt: Attempt, identifier: str) -> Iterator[Element]:
    """Yields the charts of one attempt."""
    marks = tuple(_marks(attempt))
    shown = []
    for chart, names in _CHARTS:
        found = [
            charts.curve(label, colour, attempt.lines, name)
            for colour, (label, name) in enumerate(names.items())
        ]
        if chart is charts.BELIEFS and not charts.are_probabilities(attempt.lines):
            chart = charts.OUTPUTS
        if curves := [each for each in found if each]:
            shown.append(replace(chart, curves=curves, marks=marks))
    yield element(
        "div",
        [charts.shown(each, f"{identifier}-{at}") for at, each in enumerate(shown)],
        class_="charts",
    )


def _marks(attempt: Attempt) -> Iterator[Mark]:
    """Yields the verdicts where they first fell, and the end of an attempt that was given up."""
    before = None
    for line in attempt.lines:
        found = line.get("health")
        if found and found != before:
            yield Mark(line["step"], line["seconds"], str(found))
        if found or "frechet_distance" in line:
            before = found
    if attempt.given_up and before is None:
        step, seconds = (attempt.given_up.get(name) for name in ("step", "seconds"))
        if isinstance(step, int | float) and isinstance(seconds, int | float):
            yield Mark(step, seconds, str(attempt.given_up.get("kind", "given up")))


def _why(attempt: Attempt) -> str:
    record = attempt.given_up or {}
    return f"{record.get('kind', 'it is not known why')} at step {record.get('step', '?')}" + (
        f", {record['reason']}" if record.get("reason") else ""
    )


def figures(account: Account) -> Iterator[Element]:
    """Yields the table of a run's figures, and who judged."""
    if not account.figures:
        return
    said = (
        "The run's own figures of its best generator: gan_tf.evaluate gives intervals, and what "
        "real images score."
    )
    if account.evaluated:
        said = "These are by gan_tf.evaluate, of the newest export. " + (
            "The interval is 95 % over the seeds; real is what as many real images score."
            if any(each.real for each in account.figures)
            else "Too few images are held out to say what real ones score."
        )
    judged = account.judged[:1].upper() + account.judged[1:]
    yield element("p", f"{judged}. " if judged else None, said)
    rows = [
        [figure_name(name), value, interval, real, better]
        for name, value, interval, real, better in account.figures
    ]
    head = ["figure", "value", "95 % interval", "real images", "better is"]
    empty = {at for at in (2, 3) if not any(row[at] for row in rows)}
    kept = [[cell for at, cell in enumerate(row) if at not in empty] for row in [head, *rows]]
    yield html.table(kept[0], kept[1:], "Figures of the generator")


def figure_name(name: str) -> str:
    """Returns what a figure is called on a page."""
    return _NAMES.get(name, name.replace("_", " "))


def _rules(account: Account) -> Iterator[Element]:
    for words in (account.networks, account.rules):
        if words:
            yield described(words)
    if any(each.given_up for each in account.attempts):
        rows = [
            [f"{each.number}", _why(each) if each.given_up else STATES[account.state]]
            for each in account.attempts
        ]
        yield html.table(["attempt", "how it ended"], rows, "Attempts")


def _command(account: Account) -> Iterator[Element]:
    if account.command:
        yield element("pre", element("code", account.command), tabindex="0", class_="scroll")
        rows = [
            [element("strong", name) if name in account.given else name, value]
            for name, value in account.flags.items()
        ]
        yield element(
            "details",
            element("summary", f"All {len(rows)} flags"),
            html.table(["flag", "value"], rows, "Flags; those not at their defaults are bold"),
        )
    licence = [("Licence of the images", account.licence)] if account.licence else []
    if words := [*account.versions, *licence]:
        yield described(words)
