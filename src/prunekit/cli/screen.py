"""Progress on stderr: nested bars with rate and time left on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from prunekit.cli.output import say
from prunekit.cli.streams import clean
from prunekit.engine.costs import in_words
from prunekit.progress import SILENT, Bar, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Screen:
    """Bars drawn by rich; a bar opened while others run appears below them, indented."""

    def __init__(self, live: RichProgress) -> None:
        self._live = live
        self._depth = 0

    def bar(self, label: str, total: int, unit: str = "images") -> AbstractContextManager[Bar]:
        """A bar that disappears when it closes."""
        return self._bar(label, total, unit)

    @contextmanager
    def _bar(self, label: str, total: int, unit: str) -> Iterator[Bar]:
        task = self._live.add_task("  " * self._depth + clean(label), total=total, unit=unit, note="")
        self._depth += 1
        try:
            yield ScreenBar(self._live, task)
        finally:
            self._depth -= 1
            self._live.remove_task(task)


class ScreenBar:
    """One line of the screen."""

    def __init__(self, live: RichProgress, task: TaskID) -> None:
        self._live, self._task = live, task

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Count ``amount`` more units as done."""
        more: dict[str, Any] = {"note": note} if note else {}
        self._live.update(self._task, advance=amount, **more)


FIRST_LINE, BETWEEN_LINES = 5.0, 60.0  # seconds: the pauses between lines grow from the first to the second


class Lines:
    """An occasional line for each bar, so that a log shows that work continues; finished steps get their own."""

    def __init__(
        self, tell: Callable[[str], None] = say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell, self._clock = tell, clock

    def bar(self, label: str, total: int, unit: str = "images") -> AbstractContextManager[Bar]:
        """A bar that is printed as lines."""
        return SILENT.bar(label, total, unit) if unit == "steps" else self._bar(label, total, unit)

    @contextmanager
    def _bar(self, label: str, total: int, unit: str) -> Iterator[Bar]:
        yield LineBar(f"{label}: {{}} of {total:,} {unit}", total, self._tell, self._clock)


class LineBar:
    """Counts, and prints its progress after a long enough silence."""

    def __init__(
        self, form: str, total: int, tell: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._form, self._total, self._tell, self._clock = form, total, tell, clock
        self._done, self._began, self._spoke, self._pause = 0, clock(), clock(), FIRST_LINE

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Count ``amount`` more units as done."""
        self._done += amount
        now = self._clock()
        if now - self._spoke < self._pause or self._done >= self._total:
            return
        left = (now - self._began) * (self._total - self._done) / max(1, self._done)
        self._tell(
            ", ".join(filter(None, (self._form.format(f"{self._done:,}"), note, f"{in_words(left)} left")))
        )
        self._spoke, self._pause = now, min(BETWEEN_LINES, 2 * self._pause)


@contextmanager
def screen() -> Iterator[Progress]:
    """Progress for the block: bars on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class Rate(ProgressColumn):
        """Units per second."""

        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f} {task.fields['unit']}/s" if speed and speed >= 1 else "", style="dim")

    live = RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    with live:
        yield Screen(live)
