"""``report``: findings as one page, figures, tables and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from prunekit.cli.flags import command, options, read_fields, sub_app
from prunekit.cli.models import resolve_all
from prunekit.cli.output import emit, hint, say
from prunekit.errors import UsageError
from prunekit.params import MODEL_STEPS, Params, ReportParams
from prunekit.recipes.file import read
from prunekit.recipes.plan import Recipe, plan
from prunekit.registry import Lazy
from prunekit.store.store import Store
from prunekit.studies.findings import all_findings
from prunekit.studies.subject import measurements_of, pictures_of, report_context

WRITE_REPORT = Lazy("prunekit.report.build:write_report")
CLAIM_COLUMNS = ("claim", "text", "verdict", "evidence")

MODELS = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODEL...]", help="Key, unique prefix, label, or - for keys on stdin.", show_default=False
    ),
]
RECIPES = Annotated[
    list[Path] | None,
    typer.Option(
        "--recipe", metavar="FILE", help="Report on a recipe's study instead; on several as one study."
    ),
]
SET = Annotated[
    list[str] | None, typer.Option("--set", metavar="STAGE.FIELD=VALUE", help="Lay a value over the recipe.")
]
CLAIMS = Annotated[
    bool,
    typer.Option(
        "--claims", help="Print what the findings say of each of the paper's claims; write no report."
    ),
]
OUT = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder to write (default: report).", show_default=False)
]

report = sub_app()


class Subject(NamedTuple):
    """What a report is about: its findings, where they come from, and the measurements among its steps."""

    rows: list[dict[str, Any]]
    context: dict[str, Any]
    steps: Sequence[Params]


def of_recipes(
    store: Store, recipes: Sequence[Recipe], steps: Sequence[Params], settings: ReportParams
) -> Subject:
    """What the store has of the planned steps of some recipes."""
    models = [step.key for step in steps if step.kind in MODEL_STEPS]
    title = " · ".join(recipe.title for recipe in recipes)
    text = "\n".join(recipe.text for recipe in recipes)
    context = report_context(store, models, settings, title=title, recipe=text)
    return Subject(all_findings(store, steps, settings, say=say), context, steps)


def of_models(store: Store, names: Sequence[str], settings: ReportParams) -> Subject:
    """What the store knows of some models."""
    keys = resolve_all(store, names)
    context = report_context(store, keys, settings, title="Models " + ", ".join(names))
    measurements = measurements_of(store, keys)
    return Subject(all_findings(store, measurements, settings, say=say), context, measurements)


def write(subject: Subject, out: Path, store: Store, data: Path) -> Path:
    """Write the folder, with a few images out of the data sets; returns its page."""
    _check_rows(subject)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file: name a folder")
    pictures = partial(pictures_of, store, subject.steps, data, kept=subject.context["kept"])
    page: Path = WRITE_REPORT(subject.rows, subject.context, out, pictures=pictures)
    return page


def _check_rows(subject: Subject) -> None:
    if not subject.rows:
        raise UsageError(
            "there is nothing to report: no measurement of these models is in the store "
            "(run the recipe, or `prunekit potential` and `prunekit similarity`, first)"
        )


def _report(**given: Any) -> None:
    chosen, names, paths = options(given), given.pop("model") or [], given.pop("recipe")
    out, assignments, claims = given.pop("out"), given.pop("assignments") or [], given.pop("claims")
    if bool(names) == bool(paths):
        raise UsageError("name the models to report on, or --recipe FILE: one of the two")
    store, fields = Store(chosen.store), read_fields(ReportParams, given)
    if paths:
        recipes = [read(path, assignments) for path in paths]
        settings = ReportParams.read(recipes[0].report.model_dump(exclude_defaults=True) | fields)
        steps = {step.params.key: step.params for recipe in recipes for step in plan(recipe)}
        subject = of_recipes(store, recipes, list(steps.values()), settings)
    else:
        subject = of_models(store, names, ReportParams.read(fields))
    if claims:
        _check_rows(subject)
        rows = [row for row in subject.rows if row["finding"] == "claim"]
        emit(rows, as_json=chosen.as_json, columns=CLAIM_COLUMNS)
        return
    page = write(subject, out, store, chosen.data)
    emit([{"report": str(page)}], as_json=chosen.as_json)
    hint(f"open {page} in a browser")


command(
    report,
    _report,
    name="report",
    fields=[ReportParams],
    arguments={
        "model": (MODELS, None),
        "recipe": (RECIPES, None),
        "assignments": (SET, None),
        "out": (OUT, Path("report")),
        "claims": (CLAIMS, False),
    },
    common=("store", "data", "as_json"),
    help="Write what the store knows of some models, or of a recipe's study: index.html (one file, opens offline), "
    "figures/, tables/ and findings.json. Measures nothing.",
    examples=[
        "prunekit report --recipe recipes/quickstart.toml --out study",
        "prunekit ls -q | prunekit report - --out report --margin 0.01",
        "prunekit report --recipe recipes/quickstart.toml --claims",
        "prunekit report --recipe recipes/cifar10/resnet20.toml --recipe recipes/cifar10-robust/resnet20.toml",
    ],
)
