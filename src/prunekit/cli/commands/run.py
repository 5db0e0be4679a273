"""``run`` and ``status``: a whole recipe."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.cli.commands.report import SET, of_recipe, write
from prunekit.cli.flags import Options, command, options
from prunekit.cli.output import emit, hint, say
from prunekit.cli.screen import screen
from prunekit.engine.inline import Inline
from prunekit.engine.pool import Pool
from prunekit.engine.run import Event, Executor, Outcome, execute, gentle_interrupt
from prunekit.engine.schedule import missing
from prunekit.errors import PrunekitError, unknown
from prunekit.params import Params
from prunekit.progress import Bar, Progress
from prunekit.recipe import Planned, Recipe, check, plan
from prunekit.recipe_file import read
from prunekit.steps.check import check_names
from prunekit.steps.settings import Settings
from prunekit.steps.table import group
from prunekit.store import Store

COLUMNS = ("state", "stage", "kind", "key", "what")
INTERRUPTED = 130

FILE = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe file (TOML).", show_default=False)]
OUT = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Also write the report to this folder.")
]
DRY = Annotated[
    bool, typer.Option("--dry-run", help="Show what is there and what would be made; run nothing.")
]
KEEP = Annotated[
    bool,
    typer.Option(
        "--keep-going/--stop-on-failure", help="A failed step stops only what depends on it (default)."
    ),
]
ONLY = Annotated[
    list[str] | None, typer.Option("--only", metavar="STAGE", help="Only this stage, and what it needs.")
]
FORCE = Annotated[
    list[str] | None, typer.Option("--force", metavar="STAGE", help="Make this stage's results again.")
]

run, status = typer.Typer(), typer.Typer()


def planned(path: Path, assignments: Sequence[str]) -> tuple[Recipe, tuple[Planned, ...]]:
    """The recipe and its plan, every name looked up."""
    recipe = read(path, assignments)
    steps = plan(recipe)
    check(steps, check_names)
    return recipe, steps


def choose(steps: Sequence[Planned], only: Sequence[str]) -> list[Planned]:
    """The steps of the named stages and everything that they need."""
    stages = dict.fromkeys(step.stage for step in steps)
    for name in only:
        if name not in stages:
            raise unknown("stage", name, stages)
    if not only:
        return list(steps)
    wanted: set[str] = set()
    for step in reversed(steps):
        if step.stage in only or step.params.key in wanted:
            wanted |= {step.params.key, *step.params.inputs}
    return [step for step in steps if step.params.key in wanted]


def state_rows(
    steps: Sequence[Planned], has: Callable[[str], bool], words: tuple[str, str]
) -> list[dict[str, Any]]:
    """One row per step: whether it is there, its stage, and what it is."""
    return [
        {
            "state": words[0] if has(step.params.key) else words[1],
            "stage": step.stage,
            "kind": step.params.kind,
            "key": step.params.key,
            "what": describe(step.params),
        }
        for step in steps
    ]


def describe(params: Params) -> str:
    """The fields that set a step apart, in a few words."""
    shown = {
        name: value
        for name, value in params.model_dump(exclude_defaults=True).items()
        if name not in params.references
    }
    return " ".join(f"{name}={value}" for name, value in shown.items())


def _run(**given: Any) -> None:
    chosen = options(given | {"force": False})
    recipe, steps = planned(given["recipe"], given["assignments"] or [])
    steps_chosen = choose(steps, given["only"] or [])
    store = Store(chosen.store)
    forced = {step.params.key for step in choose_stages(steps, given["force"] or [])}
    if given["dry_run"]:
        emit(
            state_rows(steps_chosen, lambda key: store.has(key) and key not in forced, ("have", "make")),
            as_json=chosen.as_json,
            columns=COLUMNS,
        )
        return
    settings = Settings(
        str(chosen.store), str(chosen.data), chosen.device, chosen.threads, tuple(sorted(forced))
    )
    todo = missing([step.params for step in steps_chosen], store.has, frozenset(forced))
    started = time.monotonic()
    outcome = _execute(todo, steps_chosen, settings, chosen, keep_going=given["keep_going"])
    _tell(outcome, len(steps_chosen), time.monotonic() - started)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if given["out"] is not None:
        page = write(of_recipe(store, recipe, [step.params for step in steps], recipe.report), given["out"])
        hint(f"report: {page}")
    result = {"made": len(outcome.made), "had": len(steps_chosen) - len(todo), "failed": len(outcome.failed)}
    emit([result | ({"report": str(page)} if given["out"] is not None else {})], as_json=chosen.as_json)
    if outcome.failed:
        raise PrunekitError(
            f"{len(outcome.failed)} steps failed, {len(outcome.skipped)} that need them were not tried"
        )


def choose_stages(steps: Sequence[Planned], names: Sequence[str]) -> list[Planned]:
    """The steps of the named stages alone."""
    stages = dict.fromkeys(step.stage for step in steps)
    for name in names:
        if name not in stages:
            raise unknown("stage", name, stages)
    return [step for step in steps if step.stage in names]


def _execute(
    todo: Sequence[Params], steps: Sequence[Planned], settings: Settings, chosen: Options, *, keep_going: bool
) -> Outcome:
    stages = {step.params.key: step for step in steps}
    with (
        screen() as progress,
        gentle_interrupt(say) as stop,
        progress.bar("study", len(todo), "steps") as bar,
    ):
        return execute(
            todo,
            executor(settings, chosen, progress),
            group=group,
            stop=stop,
            keep_going=keep_going,
            ended=lambda event: _ended(event, stages, bar),
        )


def executor(settings: Settings, chosen: Options, progress: Progress) -> Executor:
    """This process for one job, worker processes for more."""
    if chosen.jobs == 1:
        return Inline(settings, progress)
    return Pool(settings, jobs=chosen.jobs, progress=progress)


def _ended(event: Event, stages: dict[str, Planned], bar: Bar) -> None:
    bar.advance(len(event.keys))
    if event.failure:
        say(f"failed: {stages[event.keys[0]].stage}: {', '.join(event.keys)}: {event.failure}")
    elif not sys.stderr.isatty():
        first = stages[event.keys[0]]
        more = f" and {len(event.keys) - 1} more" if len(event.keys) > 1 else ""
        say(f"made {first.stage}: {first.params.key}{more}")


def _tell(outcome: Outcome, steps: int, seconds: float) -> None:
    say(
        f"{len(outcome.made)} of {steps} steps made in {seconds:.1f} s"
        if outcome.made
        else f"all {steps} steps are there"
    )
    for key, reason in outcome.failed.items():
        say(f"failed: {key}: {reason}")


def _status(**given: Any) -> None:
    chosen = options(given)
    _, steps = planned(given["recipe"], given["assignments"] or [])
    store = Store(chosen.store)
    rows = state_rows(steps, store.has, ("have", "missing"))
    counts = Counter((row["stage"], row["kind"], row["state"]) for row in rows)
    if given["summary"]:
        rows = [
            {"stage": stage, "kind": kind, "state": state, "steps": count}
            for (stage, kind, state), count in counts.items()
        ]
    emit(
        rows,
        as_json=chosen.as_json,
        columns=("stage", "kind", "state", "steps") if given["summary"] else COLUMNS,
    )
    if any(row["state"] == "missing" for row in rows):
        raise typer.Exit(1)


command(
    run,
    _run,
    name="run",
    arguments={
        "recipe": (FILE, ...),
        "out": (OUT, None),
        "dry_run": (DRY, False),
        "assignments": (SET, None),
        "only": (ONLY, None),
        "force": (FORCE, None),
        "keep_going": (KEEP, True),
    },
    common=("store", "data", "device", "threads", "jobs", "as_json"),
    help="Make every step of a recipe that the store lacks, in any order that its inputs allow; then write the "
    "report if --out is given. Ctrl-C once finishes the steps that run, twice stops now; run it again "
    "to go on.",
    examples=[
        "prunekit run recipes/quickstart.toml --out study",
        "prunekit run recipes/quickstart.toml --dry-run --json | jq -r 'select(.state == \"make\") | .key'",
        "prunekit run recipes/quickstart.toml --jobs 2 --threads 1 --set parents.epochs=3",
    ],
)
command(
    status,
    _status,
    name="status",
    arguments={
        "recipe": (FILE, ...),
        "assignments": (SET, None),
        "summary": (
            Annotated[bool, typer.Option("--summary", help="Count per stage instead of one row per step.")],
            False,
        ),
    },
    common=("store", "as_json"),
    help="Which steps of a recipe are there and which are missing; exit 1 when something is missing.",
    examples=["prunekit status recipes/quickstart.toml --summary"],
)
