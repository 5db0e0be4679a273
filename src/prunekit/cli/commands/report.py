"""``report``: findings as one page, figures, tables and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.cli.flags import GROUPS, command, options, read_fields, sub_app
from prunekit.cli.models import resolve_all
from prunekit.cli.output import emit, hint, say
from prunekit.errors import PrunekitError, UsageError
from prunekit.params import Params, ReportParams
from prunekit.recipes.choose import report_settings
from prunekit.recipes.file import read
from prunekit.recipes.plan import plan
from prunekit.report.format_names import read_formats
from prunekit.store.store import Store
from prunekit.studies.subject import (
    Source,
    Written,
    check_out,
    check_rows,
    of_models,
    of_plan,
    report_plan,
    write_report,
)

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
        "--recipe",
        metavar="FILE",
        help="Report on this recipe's study instead of models; several recipes are reported as one study.",
    ),
]
SET = Annotated[
    list[str] | None, typer.Option("--set", metavar="STAGE.FIELD=VALUE", help="Override a recipe value.")
]
CLAIMS = Annotated[
    bool,
    typer.Option(
        "--claims", help="Print the verdict of the findings on each of the paper's claims; write no report."
    ),
]
OUT = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder to write (default: report).", show_default=False)
]
TITLE = Annotated[
    str | None,
    typer.Option(
        "--title", metavar="TEXT", help="Title of the page (default: the recipe's, or the models' names)."
    ),
]

FORMATS = Annotated[
    str,
    typer.Option(
        "--formats",
        metavar="LIST",
        help="Also write figures at the column and page width of papers (3.25 and 6.9 in): some of "
        "svg, pdf, png.",
        show_default=False,
    ),
]

report = sub_app()


def _report(**given: Any) -> None:
    chosen, names, paths = options(given), given.pop("model") or [], given.pop("recipe")
    formats = read_formats(given.pop("formats"))
    out, assignments, claims = given.pop("out"), given.pop("assignments") or [], given.pop("claims")
    named, groups = given.pop("title"), given.pop("groups")
    if bool(names) == bool(paths):
        raise UsageError("give either the models to report on or --recipe FILE")
    check_out(None if claims else out)
    store, fields = Store(chosen.store), read_fields(ReportParams, given)
    more: dict[str, Any] = {"say": say, "groups": groups}
    if paths:
        plan_of = _of_recipes(paths, assignments, fields, named)
        if not claims:
            written = report_plan(store, *plan_of, out=out, data=chosen.data, formats=formats, **more)
            _told(written, as_json=chosen.as_json)
            return
        subject = of_plan(store, *plan_of, **more)
    else:
        title, keys = named or "Models " + ", ".join(names), resolve_all(store, names)
        subject = of_models(store, keys, ReportParams.read(fields), title, **more)
        if not claims:
            page = write_report(subject, out, store, chosen.data, formats=formats)
            _told(Written(page, subject.missing), as_json=chosen.as_json)
            return
    check_rows(subject)
    rows = [row for row in subject.rows if row["finding"] == "claim"]
    emit(rows, as_json=chosen.as_json, columns=CLAIM_COLUMNS)
    _check_whole(subject.missing)


def _of_recipes(
    paths: Sequence[Path], assignments: Sequence[str], fields: Mapping[str, Any], title: str | None
) -> tuple[list[Params], ReportParams, Source]:
    recipes = [read(path, assignments) for path in paths]
    settings = report_settings(dict(zip(map(str, paths), recipes, strict=True)), fields)
    steps = {step.params.key: step.params for recipe in recipes for step in plan(recipe)}
    source = Source(
        title or " · ".join(each.title for each in recipes), "\n".join(each.text for each in recipes)
    )
    return list(steps.values()), settings, source


def _told(written: Written, *, as_json: bool) -> None:
    missing = {"missing": written.missing} if written.missing else {}
    emit([{"report": str(written.page), **missing}], as_json=as_json)
    hint(f"open {written.page} in a browser")
    _check_whole(written.missing)


def _check_whole(missing: str) -> None:
    if missing:
        raise PrunekitError(f"the report is incomplete: {missing}")


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
        "title": (TITLE, None),
        "groups": (GROUPS, None),
        "formats": (FORMATS, ""),
    },
    common=("store", "data", "as_json"),
    help="Report on stored models or on a recipe's study: write index.html (one file, opens "
    "offline), figures/, tables/ and findings.json. Measures nothing.",
    examples=[
        "prunekit report --recipe recipes/quickstart.toml --out study",
        "prunekit ls -q | prunekit report - --out report --margin 0.01",
        "prunekit report --recipe recipes/quickstart.toml --out study --formats pdf,png",
        "prunekit report --recipe recipes/quickstart.toml --claims",
        "prunekit report --recipe recipes/cifar10/resnet20.toml --recipe recipes/cifar10-robust/resnet20.toml",
    ],
)
