"""The progress of a study on stderr: a bar on a terminal, lines elsewhere, JSON lines with ``--json``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from prunekit.cli.output import say, say_json
from prunekit.engine.costs import in_words
from prunekit.engine.run import Event
from prunekit.progress import Bar
from prunekit.recipes.plan import Planned


class Watch:
    """Receives every batch that ends and reports what is left; ``seconds`` are the estimates by key."""

    def __init__(
        self,
        steps: Sequence[Planned],
        seconds: Mapping[str, float],
        *,
        slots: int,
        bar: Bar,
        as_json: bool,
    ) -> None:
        self._stages = {step.params.key: step.stage for step in steps}
        self._seconds = seconds
        self._done, self._work_left = 0, sum(seconds[key] for key in self._stages)
        self._slots, self._bar, self._as_json = slots, bar, as_json

    @property
    def seconds_left(self) -> float:
        """The estimated seconds left, divided by the number of slots."""
        return self._work_left / self._slots

    def __call__(self, event: Event) -> None:
        """Report a batch that was made or failed."""
        self._done += len(event.keys)
        self._work_left = max(0.0, self._work_left - sum(self._seconds[key] for key in event.keys))
        self._bar.advance(len(event.keys), note=f"{in_words(self.seconds_left)} left")
        if self._as_json:
            self._tell_json(event)
        elif event.failure or not sys.stderr.isatty():
            self._tell(event)

    def wait(self, keys: frozenset[str]) -> None:
        """Report that all remaining steps are being made by another run on this store."""
        if self._as_json:
            say_json({"event": "waiting", "keys": sorted(keys)})
            return
        first = min(keys, key=list(self._stages).index)
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        say(
            f"waiting for another run on this store, which is working on {self._stages[first]}: {first}{more}"
        )

    def _tell(self, event: Event) -> None:
        word = "failed" if event.failure else "made"
        more = f" and {len(event.keys) - 1} more" if len(event.keys) > 1 else ""
        why = f": {event.failure}" if event.failure else ""
        steps = len(self._stages)
        left = f" ({self._done} of {steps}, {in_words(self.seconds_left)} left)" if self._done < steps else ""
        say(f"{word} {self._stages[event.keys[0]]}: {event.keys[0]}{more}{why}{left}")

    def _tell_json(self, event: Event) -> None:
        message = {
            "event": "failed" if event.failure else "made",
            "stage": self._stages[event.keys[0]],
            "keys": event.keys,
            "reason": event.failure,
            "done": self._done,
            "steps": len(self._stages),
            "seconds_left": round(self.seconds_left, 1),
        }
        say_json(message)
