"""``quickstart`` and ``doctor``: the first two commands for a new user."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.cli.commands.run import RUN_ARGUMENTS, run_recipe
from prunekit.cli.flags import command, options, sub_app
from prunekit.cli.output import emit, say
from prunekit.engine.doctor import examine
from prunekit.recipes.embedded import path_of

COLUMNS = ("what", "value", "remedy")

OUT = Annotated[
    Path,
    typer.Option("--out", metavar="DIR", help="Folder of the report (default: study).", show_default=False),
]

quickstart, doctor = sub_app(), sub_app()


def _quickstart(**given: Any) -> None:
    unset = {name: default for name, (_, default) in RUN_ARGUMENTS.items()}
    run_recipe(**(unset | given | {"recipe": path_of("quickstart")}))


def _doctor(**given: Any) -> None:
    chosen = options(given)
    found = list(examine(chosen.store, chosen.data))
    rows = (
        {"what": each.what, "value": each.value, "remedy": each.remedy or None, "ok": each.ok}
        for each in found
    )
    emit(rows, as_json=chosen.as_json, columns=COLUMNS)
    troubles = sum(not each.ok for each in found)
    if troubles:
        say(f"{troubles} thing{'s need' if troubles > 1 else ' needs'} attention: see the column remedy")
        raise typer.Exit(1)


command(
    quickstart,
    _quickstart,
    name="quickstart",
    arguments={"out": (OUT, Path("study"))},
    common=("store", "data", "device", "threads", "jobs", "as_json"),
    help="Train, prune, retrain and measure a small network on the handwritten digits that come "
    "with scikit-learn, and write the report. It takes about two minutes on two cores and "
    "downloads nothing. It runs the recipe `quickstart` that comes with prunekit; running it "
    "again skips finished steps.",
    examples=["prunekit quickstart", "prunekit quickstart --jobs 2 --threads 1 --out study"],
)
command(
    doctor,
    _doctor,
    name="doctor",
    common=("store", "data", "as_json"),
    help="Check this machine: versions, optional packages, devices, data and store. Exits 1 if "
    "something needs attention. Attach the output to a bug report.",
    examples=["prunekit doctor", "prunekit doctor --json | jq 'select(.ok | not)'"],
)
