"""``run`` and ``status``: a whole recipe."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.cli import ignored
from prunekit.cli.commands.report import SET
from prunekit.cli.flags import Options, command, options, sub_app
from prunekit.cli.foresee import tell_forecast
from prunekit.cli.found import settled, states
from prunekit.cli.output import emit, hint, say
from prunekit.cli.screen import screen
from prunekit.cli.watch import Watch
from prunekit.engine import failure, presence
from prunekit.engine.choose import Wish, executor_of
from prunekit.engine.costs import estimates, measured
from prunekit.engine.names import names_of
from prunekit.engine.run import Executor, Result, execute, gentle_interrupt
from prunekit.errors import PrunekitError, UsageError
from prunekit.params.bounds import MOST_WORKERS
from prunekit.progress import SILENT, Progress
from prunekit.recipes.choose import needed_by, of_stages, planned, state_rows
from prunekit.recipes.plan import Planned, Recipe
from prunekit.registry import Lazy
from prunekit.steps.settings import Settings
from prunekit.steps.table import group
from prunekit.store.remote import Remote
from prunekit.store.store import Store
from prunekit.studies.subject import Source, check_out, report_plan

COLUMNS = ("state", "stage", "kind", "key", "what")

FILE = Annotated[
    Path,
    typer.Argument(
        metavar="RECIPE",
        help="A recipe file (TOML), or the name of one that comes with prunekit: quickstart, cifar10/resnet20, ...",
        show_default=False,
    ),
]
OUT = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Also write the report to this folder.")
]
DRY = Annotated[
    bool, typer.Option("--dry-run", help="Show which results exist and which would be made; run nothing.")
]
CALIBRATE = Annotated[
    bool | None,
    typer.Option(
        "--calibrate/--no-calibrate",
        help="With --dry-run: time each network for a few seconds, to forecast FLOPs and time per "
        "stage (default: only if this store has no measured times yet, and then in total).",
        show_default=False,
    ),
]
KEEP = Annotated[
    bool,
    typer.Option(
        "--keep-going/--stop-on-failure",
        help="A failed step stops only the steps that depend on it (default).",
    ),
]
ONLY = Annotated[
    list[str] | None, typer.Option("--only", metavar="STAGE", help="Run only this stage and what it needs.")
]
UNTIL = Annotated[str | None, typer.Option("--until", metavar="STAGE", help="Stop after this stage.")]
EXECUTOR = Annotated[
    str,
    typer.Option(
        "--executor", metavar="local|ray", help="Where to run: on this machine (default) or on a Ray cluster."
    ),
]
ADDRESS = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Address of the Ray cluster (default: RAY_ADDRESS, else a new cluster on this machine).",
    ),
]
REMOTE = Annotated[
    str | None,
    typer.Option(
        "--remote", metavar="URL", help="Fetch inputs from, and push results to, s3://, gs://, file:// ..."
    ),
]
PER_GPU = Annotated[
    int,
    typer.Option(
        "--per-gpu",
        min=1,
        max=MOST_WORKERS,
        help="With --device cuda: number of workers that share a GPU (default: 1).",
    ),
]
FORCE = Annotated[
    list[str] | None, typer.Option("--force", metavar="STAGE", help="Recompute the results of this stage.")
]

DEPOSIT = Lazy("prunekit.steps.deposit:deposit")
run, status = sub_app(), sub_app()


def run_recipe(**given: Any) -> None:
    """Make what a recipe's plan lacks, then write its report; takes the arguments of ``run``."""
    ignored.check(ignored.RUN, given)
    chosen = options(given | {"force": False})
    recipe, steps = planned(given["recipe"], given["assignments"] or [])
    steps_chosen = needed_by(steps, given["only"] or [], given["until"], given["force"] or [])
    by_key = {step.params.key: step for step in steps_chosen}
    store = Store(chosen.store)
    again = {step.params.key for step in of_stages(steps, given["force"] or [])}
    forced = settled([step.params for step in steps_chosen], store, chosen.data, again)
    costs = measured(store)
    remote = Remote(given["remote"]) if given["remote"] else None
    have = (remote or store).present() - forced
    todo = {key: step for key, step in by_key.items() if key not in have}
    absent = presence.absent({key: step.params for key, step in by_key.items()}, todo, chosen.data)
    if given["dry_run"]:
        rows = state_rows(by_key, lambda key: "have" if key in have else "make")
        emit(rows, as_json=chosen.as_json, columns=COLUMNS)
        tell_forecast(by_key, todo, costs, chosen, calibrate=given["calibrate"])
        if absent:
            say(presence.sentence(absent))
        return
    if absent and given["executor"] == "local":
        raise UsageError(presence.sentence(absent))
    check_out(given["out"])
    _bring(store, recipe, todo.values())
    seconds = estimates({key: step.params for key, step in by_key.items()}, costs)
    wish = Wish(given["executor"], chosen.jobs, given["per_gpu"], given["address"])
    work = executor_of(_settings(chosen, given, forced), wish, _names(by_key))
    outcome = _execute(list(todo.values()), seconds, work, chosen, keep_going=given["keep_going"])
    if outcome.interrupted:
        raise KeyboardInterrupt
    result: dict[str, Any] = {"made": len(outcome.made), "had": len(steps_chosen) - len(todo)}
    result["failed"] = len(outcome.failed)
    if given["out"] is not None:
        if remote:
            remote.fetch(store, by_key)
        result |= _report(store, recipe, steps, given["out"], chosen.data)
    emit([result], as_json=chosen.as_json)
    _check_ended(outcome, result)


def _bring(store: Store, recipe: Recipe, steps: Iterable[Planned]) -> None:
    """Copy the weights that these steps import beside the store's models, from the files that the recipe names."""
    wanted = {str(getattr(step.params, "weights", "")) for step in steps}
    for weights in sorted(wanted & set(recipe.brought)):
        DEPOSIT(store, recipe.brought[weights])


def _check_ended(outcome: Result, result: Mapping[str, Any]) -> None:
    """A :class:`PrunekitError` where steps failed, or the report lacks some that were planned."""
    if outcome.failed:
        raise PrunekitError(
            f"{len(outcome.failed)} steps failed, {len(outcome.skipped)} steps that need them were not tried"
        )
    if "missing" in result:
        raise PrunekitError(f"the report is incomplete: {result['missing']}")


def _names(steps: Mapping[str, Planned]) -> dict[str, str]:
    """What bars call each step, by key."""
    params = {key: step.params for key, step in steps.items()}
    return names_of(params, {key: step.stage for key, step in steps.items()})


def _execute(
    todo: Sequence[Planned],
    seconds: Mapping[str, float],
    executor_of: Callable[[Progress], Executor],
    chosen: Options,
    *,
    keep_going: bool,
) -> Result:
    started = time.monotonic()
    with (
        nullcontext(SILENT) if chosen.as_json else screen() as progress,
        gentle_interrupt(say) as stop,
        progress.bar("study", len(todo), "steps") as bar,
    ):
        executor = executor_of(progress)
        watch = Watch(todo, seconds, slots=executor.slots, bar=bar, as_json=chosen.as_json)
        outcome = execute(
            [step.params for step in todo],
            executor,
            group=group,
            stop=stop,
            cost=lambda params: seconds[params.key],
            keep_going=keep_going,
            ended=watch,
            waits=watch.wait,
        )
    if not chosen.as_json:
        _tell(outcome, len(todo), time.monotonic() - started)
    return outcome


def _report(store: Store, recipe: Recipe, steps: Sequence[Planned], out: Path, data: Path) -> dict[str, str]:
    source = Source(recipe.title, recipe.text)
    params = [step.params for step in steps]
    found = report_plan(store, params, recipe.report, source, out=out, data=data, say=say)
    hint(f"report: {found.page}")
    return {"report": str(found.page), **({"missing": found.missing} if found.missing else {})}


def _settings(chosen: Options, given: Mapping[str, Any], forced: frozenset[str]) -> Settings:
    return Settings(
        str(chosen.store),
        str(chosen.data),
        chosen.device,
        chosen.threads,
        tuple(sorted(forced)),
        given["remote"] or "",
    )


def _tell(outcome: Result, steps: int, seconds: float) -> None:
    say(
        f"{len(outcome.made)} of {steps} steps made in {seconds:.1f} s"
        if steps
        else "all steps are already made"
    )
    for line in failure.lines(outcome.failed):
        say(line)


def _status(**given: Any) -> None:
    chosen = options(given)
    _, steps = planned(given["recipe"], given["assignments"] or [])
    by_key = {step.params.key: step for step in steps}
    rows = state_rows(by_key, states(Store(chosen.store), [step.params for step in steps], chosen.data))
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
    if any(row["state"] not in ("have", "dropped") for row in rows):
        raise typer.Exit(1)


RUN_ARGUMENTS: dict[str, tuple[Any, Any]] = {
    "recipe": (FILE, ...),
    "out": (OUT, None),
    "dry_run": (DRY, False),
    "calibrate": (CALIBRATE, None),
    "assignments": (SET, None),
    "only": (ONLY, None),
    "until": (UNTIL, None),
    "force": (FORCE, None),
    "keep_going": (KEEP, True),
    "executor": (EXECUTOR, "local"),
    "address": (ADDRESS, None),
    "per_gpu": (PER_GPU, 1),
    "remote": (REMOTE, None),
}

command(
    run,
    run_recipe,
    name="run",
    arguments=RUN_ARGUMENTS,
    common=("store", "data", "device", "threads", "jobs", "as_json"),
    help="Run the steps of a recipe whose results the store lacks, each as soon as its inputs "
    "exist; then write the report if --out is given. The first Ctrl-C lets running steps "
    "finish, the second stops at once; run the command again to resume.",
    examples=[
        "prunekit run recipes/quickstart.toml --out study",
        "prunekit run recipes/quickstart.toml --dry-run --json | jq -r 'select(.state == \"make\") | .key'",
        "prunekit run recipes/cifar10/resnet20.toml --dry-run --calibrate --json | jq 'select(.forecast)'",
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
    common=("store", "data", "as_json"),
    help="Show which steps of a recipe exist, are stale (made from data that has changed since), "
    "running, failed or missing. Exits 1 unless all exist.",
    examples=["prunekit status recipes/quickstart.toml --summary"],
)
