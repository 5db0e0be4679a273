"""``potential``: how far networks can be pruned on each distribution, at any margin."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import typer

from prunekit.cli.commands.steps import REQUIRED, settings_of
from prunekit.cli.flags import FINDING_OPTIONS, GROUPS, command, options, read_fields, sub_app
from prunekit.cli.models import MODEL, resolve_all
from prunekit.cli.output import emit, say
from prunekit.cli.screen import screen
from prunekit.engine.now import make_now
from prunekit.params import ReportParams
from prunekit.report.words import verdicts_by_curve
from prunekit.steps.check import to_measure
from prunekit.store.store import Store
from prunekit.studies.choose import NOISE_CHOICE, check_pruned, errors_of
from prunekit.studies.findings import error_findings, hidden_findings
from prunekit.studies.groups import groups_of

COLUMNS = (
    "finding",
    "label",
    "asked",
    "distribution",
    "class",
    "grouping",
    "group",
    "value [95 %], %",
    "verdict",
    "margin",
    "n",
    "seeds",
    "flags",
)
SHOWN = (
    *("potential", "potential-mean", "potential-minimum", "robust-gain"),
    *("class-potential", "class-potential-minimum", "longer-error", "longer-rise", "longer-potential"),
    *("group-potential", "group-potential-minimum"),
)

DISTRIBUTION = Annotated[
    list[str] | None,
    typer.Option(
        "--distribution",
        metavar="NAME",
        help="Distribution or named set, such as digits+fog@3, cifar10-c/fog@3, @corruptions; may be repeated.",
        show_default="the nominal test set",
    ),
]
ALL_ROWS = Annotated[
    bool, typer.Option("--all", help="Also print prune curves and excess errors.", rich_help_panel="Output")
]
PER_CLASS = Annotated[
    bool, typer.Option("--per-class", help="Also print the potential of every class, and the lowest one.")
]
PER_GROUP = Annotated[
    bool,
    typer.Option("--per-group", help="Also print a row for every group of images; --groups implies this."),
]

potential = sub_app()


def _potential(**given: Any) -> None:
    chosen, names, shifts = options(given), given.pop("model"), given.pop("distribution") or []
    everything, file = given.pop("everything"), given.pop("groups")
    per_class, per_group = given.pop("per_class"), given.pop("per_group") or file is not None
    settings = ReportParams.read(read_fields(ReportParams, given))
    store = Store(chosen.store)
    keys = resolve_all(store, names)
    errors = errors_of(store, keys, shifts, settings.error_seed)
    check_pruned(store, keys)
    missing = to_measure(store, errors)
    with screen() as progress:
        forced = settings_of(chosen, [params.key for params in missing])
        make_now(missing, store, forced, progress, jobs=chosen.jobs, say=say)
    rows = error_findings(store, errors, settings)
    groups = groups_of(store, errors, file, say=say) if per_group else {}
    only = [
        name for name, wanted in (("class-potential", per_class), ("group-potential", per_group)) if wanted
    ]
    rows += hidden_findings(store, errors, settings, only=only, groups=groups) if only else []
    emit(
        (row for row in rows if everything or row["finding"] in SHOWN),
        as_json=chosen.as_json,
        columns=COLUMNS,
        for_people=partial(_with_verdicts, verdicts_by_curve(rows)),
    )


def _with_verdicts(verdicts: Mapping[tuple[str, str], str], row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A potential with the verdicts that its ratios have by themselves: it is the best of them, and optimistic."""
    if row["finding"] != "potential":
        return row
    return {**row, "verdict": verdicts.get((row["variant"], row["distribution"]))}


command(
    potential,
    _potential,
    name="potential",
    fields=[ReportParams],
    without=["kept", *NOISE_CHOICE],
    arguments={
        "model": (MODEL, REQUIRED),
        "distribution": (DISTRIBUTION, None),
        "everything": (ALL_ROWS, False),
        "per_class": (PER_CLASS, False),
        "groups": (GROUPS, None),
        "per_group": (PER_GROUP, False),
    },
    common=FINDING_OPTIONS,
    help="Find how far networks can be pruned on each distribution before the error rises by more "
    "than the margin: the largest prune ratio among the given models of one lineage that is "
    "still commensurate with the unpruned parent. Measures missing errors; changing the "
    "margin needs no new measurements.",
    examples=[
        "prunekit potential retrain-3f retrain-9b --distribution digits --distribution digits+fog@3",
        "prunekit ls -q | prunekit potential - --distribution @corruptions --margin 0.01",
    ],
)
