"""Make steps in this command and raise errors unchanged: the engine of single commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from prunekit.engine.names import names_of
from prunekit.engine.pool import Pool
from prunekit.engine.run import execute, gentle_interrupt
from prunekit.engine.schedule import Schedule, missing
from prunekit.errors import PrunekitError
from prunekit.params import Params
from prunekit.progress import Progress
from prunekit.registry import Lazy
from prunekit.steps.settings import Settings
from prunekit.steps.table import group
from prunekit.steps.versions import settle
from prunekit.store.store import Store

OPEN_CONTEXT = Lazy("prunekit.steps.make:open_context")
MAKE = Lazy("prunekit.steps.make:make")


def make_now(
    steps: Sequence[Params],
    store: Store,
    settings: Settings,
    progress: Progress,
    *,
    jobs: int = 1,
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """Make every step that the store lacks; the first failure is raised."""
    settled = settle(steps, store, Path(settings.data), settings.force)
    for note in settled.notes:
        say(note)
    settings = settings._replace(force=tuple(sorted(settled.again)))
    todo = missing(steps, store.has, settled.again)
    if not todo:
        return
    if jobs > 1:
        _in_workers(todo, settings, progress, jobs, say)
        return
    context = OPEN_CONTEXT(settings, progress)
    schedule = Schedule(todo, group=group)
    with progress.bar("steps", len(todo), "steps") as bar:
        while batch := schedule.next():
            MAKE(batch, context)
            schedule.finish(params.key for params in batch)
            bar.advance(len(batch))


def _in_workers(
    todo: Sequence[Params], settings: Settings, progress: Progress, jobs: int, say: Callable[[str], None]
) -> None:
    with gentle_interrupt(say) as stop, progress.bar("steps", len(todo), "steps") as bar:
        outcome = execute(
            todo,
            Pool(settings, jobs=jobs, progress=progress, names=names_of({each.key: each for each in todo})),
            group=group,
            stop=stop,
            keep_going=False,
            ended=lambda event: bar.advance(len(event.keys)),
        )
    if outcome.failed:
        raise PrunekitError(next(iter(outcome.failed.values())))
    if outcome.interrupted:
        raise KeyboardInterrupt
