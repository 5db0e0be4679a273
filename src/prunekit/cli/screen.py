"""Progress on stderr: nested bars with rate and time left on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from prunekit.progress import SILENT, Bar, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Screen:
    """Bars drawn by rich; a bar opened while others run stands below them, indented."""

    def __init__(self, live: RichProgress) -> None:
        self._live = live
        self._depth = 0

    def bar(self, label: str, total: int, unit: str = "images") -> AbstractContextManager[Bar]:
        """A bar that leaves the screen when it closes."""
        return self._bar(label, total, unit)

    @contextmanager
    def _bar(self, label: str, total: int, unit: str) -> Iterator[Bar]:
        task = self._live.add_task("  " * self._depth + label, total=total, unit=unit, note="")
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


@contextmanager
def screen() -> Iterator[Progress]:
    """Progress for as long as the block lasts: silent when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield SILENT
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
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("[dim]{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    )
    with live:
        yield Screen(live)
