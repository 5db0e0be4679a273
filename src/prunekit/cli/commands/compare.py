"""``compare``: any networks and their parent, with a verdict each, and an exit code for a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.analysis.comparison import Asked
from prunekit.analysis.parts import Slices
from prunekit.analysis.verdict import checked
from prunekit.base import files
from prunekit.cli.commands.potential import DISTRIBUTION, PER_GROUP
from prunekit.cli.commands.steps import REQUIRED, settings_of
from prunekit.cli.flags import FINDING_OPTIONS, GROUPS, Options, command, options, read_fields, sub_app
from prunekit.cli.models import MODEL, resolve_all
from prunekit.cli.output import emit, hint, say
from prunekit.cli.screen import screen
from prunekit.engine.now import make_now
from prunekit.errors import UsageError, unknown
from prunekit.params import ErrorParams, Params, ReportParams
from prunekit.registry import Lazy
from prunekit.report.words import listed
from prunekit.steps.check import to_measure
from prunekit.store.store import Store
from prunekit.studies.choose import NOISE_CHOICE
from prunekit.studies.compare import Comparison, broken_images, compare, outcomes_for, write_comparison
from prunekit.studies.divergence import comparisons_for
from prunekit.studies.findings import margin_of
from prunekit.studies.groups import groups_of

GATE_FAILED = 4
COLUMNS = (
    *(
        "network",
        "distribution",
        "verdict",
        "rise [95 %], points",
        "error, %",
        "limit",
        "n",
        "agreement",
        "broken / fixed",
    ),
    *("worst class", "worst group", "flags"),
)
SLICE_COLUMNS = (*COLUMNS[:2], "grouping", "member", *COLUMNS[2:9], "recall", "flags")
JUNIT, MARKDOWN = Lazy("prunekit.report.gate:junit"), Lazy("prunekit.report.gate:markdown")
# What tells a file that an earlier comparison wrote from one of the user's own.
OURS = {
    "junit": files.holding(b'<testsuites name="prunekit compare"'),
    "markdown": files.holding(b" and its descendants\n\n| network | distribution"),
}
PASSES, SENTENCE = Lazy("prunekit.report.gate:passes"), Lazy("prunekit.report.gate:sentence")


class Undecided(StrEnum):
    """What a gate makes of a verdict that is undecided."""

    PASS = "pass"  # noqa: S105 - a word, no password
    FAIL = "fail"


PARENT = Annotated[
    str,
    typer.Argument(
        metavar="PARENT", help="The network to compare with: key, unique prefix or label.", show_default=False
    ),
]
PER_CLASS = Annotated[
    bool, typer.Option("--per-class", help="Also print a row with a verdict for every class.")
]
BROKEN = Annotated[
    bool,
    typer.Option("--broken", help="Print instead every image that only the parent classifies correctly."),
]
KL = Annotated[
    bool,
    typer.Option(
        "--kl",
        help="Also run both networks to measure the KL divergence of their outputs if it is not stored.",
    ),
]
OUT = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Also write a web page with verdicts, figures and tables.",
        show_default=False,
    ),
]
TITLE = Annotated[str | None, typer.Option("--title", metavar="TEXT", help="With --out: title of the page.")]
TOGETHER = Annotated[
    bool,
    typer.Option(
        "--correct",
        help="Correct the verdicts for the number of networks and distributions (Holm). The statement "
        "that a network is within the margin on all of them needs no correction.",
    ),
]
GATE = Annotated[
    bool,
    typer.Option("--gate", help="Exit 4 unless every verdict is `within`.", rich_help_panel="Pipeline"),
]
UNDECIDED = Annotated[
    str,
    typer.Option(
        "--undecided",
        metavar="pass|fail",
        help="With --gate and --junit: whether an undecided verdict passes or fails.",
        rich_help_panel="Pipeline",
    ),
]
JUNIT_FILE = Annotated[
    Path | None,
    typer.Option(
        "--junit",
        metavar="FILE",
        help="Write a JUnit file with one test per row.",
        rich_help_panel="Pipeline",
    ),
]
MARKDOWN_FILE = Annotated[
    Path | None,
    typer.Option(
        "--markdown",
        metavar="FILE",
        help="Write a Markdown table, for a pull request's comment.",
        rich_help_panel="Pipeline",
    ),
]

compare_ = sub_app()


def asked_of(settings: ReportParams, *, together: bool) -> Asked:
    """What a comparison is judged by, from the settings of findings."""
    return Asked(
        checked(margin_of(settings)),
        top_k=settings.top_k,
        together=together,
        resamples=settings.resamples,
        seed=settings.seed,
    )


def _compare(**given: Any) -> None:
    chosen, own = options(given), {name: given.pop(name) for name in OWN}
    _check_own(own)
    store = Store(chosen.store)
    parent, keys = store.resolve(own["parent"]), resolve_all(store, own["model"])
    settings = ReportParams.read(read_fields(ReportParams, given))
    errors = outcomes_for(store, parent, keys, own["distribution"] or [])
    _measure(store, to_measure(store, errors), chosen)
    if own["kl"]:
        _measure(store, comparisons_for(store, parent, errors), chosen)
    groups = groups_of(store, errors, own["groups"], say=say)
    rows = compare(
        store, parent, keys, errors, asked_of(settings, together=own["together"])._replace(groups=groups)
    )
    main = [row for row in rows if row["finding"] == "comparison"]
    _check_all(main, keys, errors)
    slices = {Slices.CLASS: own["per_class"], Slices.GROUP: own["per_group"] or own["groups"] is not None}
    parts = _slices(rows, [kind for kind, wanted in slices.items() if wanted])
    if own["broken"]:
        emit(broken_images(store, main, errors), as_json=chosen.as_json)
    else:
        emit(main, as_json=chosen.as_json, columns=COLUMNS)
        if parts:
            emit(parts, as_json=chosen.as_json, columns=SLICE_COLUMNS)
    if own["out"] is not None:
        title = own["title"] or f"{listed(own['model'])}, compared with {own['parent']}"
        compared = Comparison(parent, keys, errors)
        page = write_comparison(store, compared, rows, settings, title, own["out"], chosen.data)
        hint(f"open {page} in a browser")
    _decide(own, main, [*main, *parts])


def _check_own(own: dict[str, Any]) -> None:
    """Refuse before anything is measured what could not be used, or written, in the end."""
    if own["undecided"] not in tuple(Undecided):
        raise unknown("value of --undecided", own["undecided"], tuple(Undecided))
    for name in filter(own.get, OURS):
        files.check_named(own[name], ours=OURS[name])
    if own["out"] is not None:
        files.check_place(own["out"], "the page")
    elif own["title"] is not None:
        raise UsageError("--title is the title of a page: give the page's folder with --out")


def _decide(own: dict[str, Any], main: Sequence[dict[str, Any]], judged: Sequence[dict[str, Any]]) -> None:
    """What a pipeline reads: files of verdicts, and the exit code."""
    lenient = own["undecided"] == Undecided.PASS
    if own["junit"] is not None:
        text = JUNIT(judged, undecided_passes=lenient)
        files.write_named(own["junit"], text, ours=OURS["junit"])
    if own["markdown"] is not None:
        text = MARKDOWN(main, own["parent"])
        files.write_named(own["markdown"], text, ours=OURS["markdown"])
    if own["gate"]:
        _gate([row for row in judged if not PASSES(row, undecided_passes=lenient)])


def _measure(store: Store, steps: Sequence[Params], chosen: Options) -> None:
    """Make the measurements that are missing."""
    if not steps:
        return
    with screen() as progress:
        forced = settings_of(chosen, [params.key for params in steps])
        make_now(steps, store, forced, progress, jobs=chosen.jobs, say=say)


def _check_all(rows: Sequence[dict[str, Any]], keys: Sequence[str], errors: Sequence[ErrorParams]) -> None:
    """Every network that was named has its rows."""
    there = {(row["models"][0], row["distribution"]) for row in rows}
    lost = [
        (key, step.distribution)
        for key in keys
        for step in errors
        if step.model == key
        if (key, step.distribution) not in there
    ]
    if lost:
        raise UsageError(f"{lost[0][0]} cannot be compared on {lost[0][1]}: its outcomes are not stored")


def _slices(rows: Sequence[dict[str, Any]], kinds: Sequence[Slices]) -> list[dict[str, Any]]:
    return [row for row in rows if row["finding"] == "comparison-slice" and row["slice"] in kinds]


def _gate(failed: Sequence[dict[str, Any]]) -> None:
    for row in failed:
        say(f"gate: {SENTENCE(row)}")
    if failed:
        raise typer.Exit(GATE_FAILED)


ARGUMENTS: dict[str, tuple[Any, Any]] = {
    "parent": (PARENT, REQUIRED),
    "model": (MODEL, REQUIRED),
    "distribution": (DISTRIBUTION, None),
    "per_class": (PER_CLASS, False),
    "per_group": (PER_GROUP, False),
    "groups": (GROUPS, None),
    "broken": (BROKEN, False),
    "kl": (KL, False),
    "together": (TOGETHER, False),
    "out": (OUT, None),
    "title": (TITLE, None),
    "gate": (GATE, False),
    "undecided": (UNDECIDED, str(Undecided.FAIL)),
    "junit": (JUNIT_FILE, None),
    "markdown": (MARKDOWN_FILE, None),
}
OWN = tuple(ARGUMENTS)

command(
    compare_,
    _compare,
    name="compare",
    fields=[ReportParams],
    without=["kept", "interpolate", "noise_by_draw", "error_seed", *NOISE_CHOICE],
    arguments=ARGUMENTS,
    common=FINDING_OPTIONS,
    help="Compare networks with their parent on any distributions. Prints the error, its rise "
    "with an interval, a verdict (within the margin, beyond it, undecided), agreement, "
    "broken and fixed images, calibration and the worst class. Measures missing outcomes; "
    "with stored outcomes it needs no torch. With --gate it exits 4 unless every verdict is "
    "`within`, to stop a pipeline.",
    examples=[
        "prunekit compare dense int8",
        "prunekit compare dense int8 pruned --distribution folder:photos --distribution @corruptions --margin 0.01",
        "prunekit compare dense int8 --gate --junit verdicts.xml --markdown verdicts.md",
        "prunekit compare dense int8 --groups cameras.csv --gate",
        "prunekit compare dense int8 --broken --json | jq -r .image",
    ],
)
