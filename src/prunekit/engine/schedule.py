"""Which step runs next: a pure state machine over keyed steps that runs and reads nothing."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from prunekit.params import Params
from prunekit.steps.table import LARGEST_BATCH, RUN

CostOf = Callable[[Params], float]


def one(params: Params) -> float:
    """Every step costs the same."""
    return 1.0


class Schedule:
    """The steps still to make, those on the longest remaining path first.

    ``todo`` holds each step once, parents before children; inputs that are not in ``todo`` exist already. Steps of
    one ``group`` that are ready together are handed out together, at most ``largest`` at once.
    """

    def __init__(
        self,
        todo: Sequence[Params],
        *,
        group: Callable[[Params], str],
        cost: CostOf = one,
        largest: int = LARGEST_BATCH,
    ) -> None:
        self._steps = {params.key: params for params in todo}
        self._children: dict[str, list[str]] = defaultdict(list)
        self._waiting: dict[str, int] = {}
        self._largest = largest
        for key, params in self._steps.items():
            inputs = [parent for parent in dict.fromkeys(params.inputs) if parent in self._steps]
            self._waiting[key] = len(inputs)
            for parent in inputs:
                self._children[parent].append(key)
        self._path = self._longest_paths(cost)
        self._group = {key: group(params) for key, params in self._steps.items()}
        self._ready: dict[str, dict[str, None]] = defaultdict(dict)
        self._heap: list[tuple[float, int, str]] = []
        self._order = {key: position for position, key in enumerate(self._steps)}
        self.postponed: set[str] = set()
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self.skipped: set[str] = set()
        for key, count in self._waiting.items():
            if count == 0:
                self._make_ready(key)

    def _longest_paths(self, cost: CostOf) -> dict[str, float]:
        """Cost of each step plus the most expensive chain after it; goes backwards, as children come after parents."""
        path: dict[str, float] = {}
        for key in reversed(self._steps):
            behind = max((path[child] for child in self._children.get(key, ())), default=0.0)
            path[key] = cost(self._steps[key]) + behind
        return path

    def _make_ready(self, key: str) -> None:
        self._ready[self._group[key]][key] = None
        heapq.heappush(self._heap, (-self._path[key], self._order[key], key))

    def next(self, free: int = 1) -> list[Params]:
        """The steps to hand to a free worker now; empty while none is ready.

        A group goes as a whole, unless fewer groups are ready than workers are ``free``: then the workers share it.
        """
        while self._heap:
            _, _, key = heapq.heappop(self._heap)
            group = self._group[key]
            ready = self._ready.get(group, {})
            if key in ready:
                sharers = max(1, free // len(self._ready))
                largest = RUN[self._steps[key].kind].largest
                size = min(largest, self._largest, -(-len(ready) // sharers))
                others = (other for other in ready if other != key)
                batch = [key, *itertools.islice(others, size - 1)]
                for member in batch:
                    del ready[member]
                if not ready:
                    del self._ready[group]
                return [self._steps[member] for member in batch]
        return []

    def finish(self, keys: Iterable[str]) -> None:
        """Mark these steps as done: steps that waited only for them become ready."""
        for key in keys:
            self.done.add(key)
            for child in self._children.get(key, ()):
                self._waiting[child] -= 1
                if self._waiting[child] == 0 and child not in self.skipped:
                    self._make_ready(child)

    def fail(self, keys: Iterable[str]) -> list[str]:
        """Mark these steps as failed and skip everything that depends on them; returns what was skipped."""
        front = list(keys)
        self.failed.update(front)
        skipped: list[str] = []
        while front:
            for child in self._children.get(front.pop(), ()):
                if child not in self.skipped:
                    self.skipped.add(child)
                    skipped.append(child)
                    front.append(child)
        return skipped

    def alone(self, keys: Iterable[str]) -> None:
        """Hand these out again one by one: they failed together, perhaps because of one of them."""
        for key in keys:
            self._group[key] = key
            self._make_ready(key)

    def postpone(self, keys: Iterable[str]) -> None:
        """Hold these back until ``recall``: another run works on them now."""
        self.postponed.update(keys)

    def recall(self) -> None:
        """Make postponed steps ready again, at the front."""
        for key in sorted(self.postponed, key=self._order.__getitem__):
            self._make_ready(key)
        self.postponed.clear()

    @property
    def left(self) -> int:
        """Steps that are neither done, failed nor skipped."""
        return len(self._steps) - len(self.done) - len(self.failed) - len(self.skipped)


def missing(
    steps: Iterable[Params], has: Callable[[str], bool], force: frozenset[str] = frozenset()
) -> list[Params]:
    """The steps that have to run: those that are forced or whose result is missing."""
    return [params for params in steps if params.key in force or not has(params.key)]
