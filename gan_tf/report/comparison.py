"""The page of several runs, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gan_tf.report import charts, html, images, pictures
from gan_tf.report.account import Account, Figure, Pixels
from gan_tf.report.charts import BELIEFS, DISTANCE, LOSSES, OUTPUTS, SHARES, Curve
from gan_tf.report.frame import STATES, document, notices, picture
from gan_tf.report.html import Element, element
from gan_tf.report.page import figure_name

_PICTURES = 3_000_000  # Bytes of a page that the samples of all runs may take.
_TILES = 4  # Rows and columns of a grid that are shown of each of many runs ...
_MANY = 12  # ... from so many runs on.
_PLACES = ("run_dir", "data_dir", "manual_dir")  # Of one machine; no rule of a run.
_CHARTS = (
    (replace(DISTANCE, title="Fréchet distance of the generator"), "frechet_distance"),
    (replace(BELIEFS, title="D(x): what D believes of reals"), "d_real"),
    (replace(BELIEFS, title="D(G(z)): what D believes of fakes"), "d_fake"),
    (replace(LOSSES, title="Loss of the generator"), "generator_loss"),
    (replace(LOSSES, title="Loss of the discriminator"), "discriminator_loss"),
    (replace(SHARES, title="Coverage"), "coverage"),
)


def comparison(
    accounts: Sequence[Account], made: str, samples: Mapping[int, Pixels] | None = None
) -> str:
    """Returns the page of several runs as a document that needs nothing beside it.

    Args:
      accounts: what is known of each, with names that differ.
      made: when and by what version the page was made, in words.
      samples: images `[N, H, W, C]` uint8 that were drawn from the same seed of each run's export,
        by the run's place among the accounts; in their place, or without them, a run's last grid.
    """
    sections = [
        ("runs", "Runs", [_overview(accounts)]),
        ("side-by-side", "Samples", list(_samples(accounts, samples or {}))),
        ("curves", "Curves", list(_curves(accounts))),
        ("scores", "Figures", list(_figures(accounts))),
        ("flags", "Flags in which they differ", list(_differences(accounts))),
    ]
    head = [element("p", "The last attempt of each run.")] if _restarted(accounts) else []
    for each in accounts:
        head += [element("div", element("strong", each.name), notice) for notice in notices(each)]
    return document(f"{len(accounts)} runs", head, sections, made)


def _restarted(accounts: Sequence[Account]) -> bool:
    return any(len(each.attempts) > 1 for each in accounts)


def _overview(accounts: Sequence[Account]) -> Element:
    rows = []
    for each in accounts:
        best, lines = each.best, each.last.lines if each.last else ()
        rows.append(
            [
                each.name,
                each.about,
                STATES[each.state],
                f"{len(each.attempts)}",
                f"{lines[-1]['step']:,}" if lines else "",
                f"{lines[-1]['seconds'] / 60:.1f}" if lines else "",
                f"{best['frechet_distance']:.2f}" if best else "",
            ]
        )
    head = ["run", "what", "state", "attempts", "steps", "minutes", "Fréchet distance of the best"]
    return html.table(head, rows, "Runs")


def _samples(accounts: Sequence[Account], samples: Mapping[int, Pixels]) -> Iterator[Element]:
    shown, most = [], _PICTURES // len(accounts)
    for at, each in enumerate(accounts):
        if at in samples:
            grid, said = images.of_pixels(pictures.grid(samples[at])), "from its export"
        else:
            steps = list(each.last.frames) if each.last else []
            found = images.open_grid(each.last.frames[steps[-1]]) if each.last and steps else None
            if not found:
                continue
            grid, said = found, f"at step {steps[-1]:,}"
            if len(accounts) > _MANY and each.grid:
                height, width = (_TILES * (side + 1) + 1 for side in each.grid)
                grid = grid.crop((0, 0, min(width, grid.width), min(height, grid.height)))
        alt = f"Samples of {each.name} {said}"
        shown.append(
            element(
                "figure",
                picture(images.still(grid, most), alt),
                element("figcaption", f"{each.name}, {said}"),
            )
        )
    if not shown:
        return
    if samples:
        others = (
            "" if len(samples) == len(accounts) else ", where a run has an export; else its last"
        )
        yield element("p", f"Samples of seed 0, as gan_tf.sample draws them{others}.")
    elif len({each.latents for each in accounts}) == 1:
        yield element("p", "The last grid of each run, from the same seed.")
    else:
        yield element("p", "The last grid of each run, from latents of its own.")
    yield element("div", shown, class_="runs many" if len(shown) > _MANY else "runs")


def _curves(accounts: Sequence[Account]) -> Iterator[Element]:
    made: list[Element] = []
    in_all = all(charts.are_probabilities(each.last.lines) for each in accounts if each.last)
    for chart, name in _CHARTS:
        if chart.level is not None and not in_all:  # D's output is no probability in some of them.
            chart = replace(chart, unit=OUTPUTS.unit, level=None)
        curves: list[Curve] = []
        for colour, each in enumerate(accounts):
            lines = each.last.lines if each.last else ()
            points = max(20, charts.POINTS * 10 // max(10, len(accounts)))
            if curve := charts.curve(each.name, colour, lines, name, points):
                curves.append(curve)
        if curves:
            made.append(charts.shown(replace(chart, curves=curves), f"chart-{len(made)}"))
    if made:
        yield element("div", made, class_="charts")


def _figures(accounts: Sequence[Account]) -> Iterator[Element]:
    names = list(dict.fromkeys(figure.name for each in accounts for figure in each.figures))
    if not names:
        return
    rows = []
    for each in accounts:
        found = {figure.name: figure for figure in each.figures}
        rows.append([each.name, *(_cell(found.get(name)) for name in names), each.judged])
    head = ["run", *(figure_name(name) for name in names), "by what"]
    yield element("p", "Only figures of one judge and of as many samples can be compared.")
    yield html.table(head, rows, "Figures of each run's generator")


def _cell(figure: Figure | None) -> str:
    if not figure:
        return ""
    return f"{figure.value} ({figure.interval})" if figure.interval else figure.value


def _differences(accounts: Sequence[Account]) -> Iterator[Element]:
    names = list(dict.fromkeys(name for each in accounts for name in each.flags))
    differing = [
        name
        for name in names
        if name not in _PLACES and len({each.flags.get(name) for each in accounts}) > 1
    ]
    if not differing:
        yield element("p", "None: they are the same run, on other machines or at other times.")
        return
    rows = [
        [each.name, *(each.flags.get(name, "unknown") for name in differing)] for each in accounts
    ]
    yield html.table(["run", *differing], rows, "Flags of each run")
