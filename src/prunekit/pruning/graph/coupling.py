"""Which channels can only be removed together, over all values of a graph."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from prunekit.pruning.graph.graph import Attached, Graph, Op

Edge = tuple[Tensor, Tensor]


class Coupling:
    """The channels of all values, numbered consecutively as places, and the group of every place.

    A grouped convolution loses whole groups, or the same places of every group if its groups are wider than they are
    numerous: whichever cut is finer.

    ``fixed``: values that keep all channels. ``group``: the group of each place; ``count``: the number of groups;
    ``pinned``: bool per group, True if it stays.
    """

    def __init__(self, graph: Graph, fixed: frozenset[int] = frozenset()) -> None:
        self.graph = graph
        self.starts = [0, *accumulate(graph.sizes)]
        edges = [edge for op in graph.ops for edge in self._edges(op)]
        edges += [(self.at(tie.first, tie.left), self.at(tie.second, tie.right)) for tie in graph.joined]
        edges += self._attached_edges()
        self._components(edges)
        while more := self._rectangles():
            edges += more
            self._components(edges)
        self.pinned = torch.zeros(self.count, dtype=torch.bool)
        for value in (*fixed, *self._fixed_values()):
            self.pinned[self.group[self.of(value)]] = True

    def _components(self, edges: list[Edge]) -> None:
        left = torch.cat([edge[0] for edge in edges]) if edges else torch.empty(0, dtype=torch.int64)
        right = torch.cat([edge[1] for edge in edges]) if edges else left
        places = self.starts[-1]
        ones = np.ones(len(left), dtype=np.int8)
        matrix = coo_matrix((ones, (left.numpy(), right.numpy())), shape=(places, places))
        self.count, found = connected_components(matrix, directed=False)
        self.group = torch.from_numpy(found.astype(np.int64))

    def of(self, value: int) -> Tensor:
        """The places of a value's channels."""
        return torch.arange(self.starts[value], self.starts[value + 1])

    def at(self, value: int, labels: Tensor) -> Tensor:
        """The places of some of a value's channels."""
        return labels.reshape(-1) + self.starts[value]

    def groups(self, value: int) -> Tensor:
        """The group of every channel of a value."""
        return self.group[self.starts[value] : self.starts[value + 1]]

    def kept(self, needed: Tensor) -> list[Tensor]:
        """For every value, the channels whose group is needed."""
        return [needed[self.groups(value)] for value in range(len(self.graph.sizes))]

    def _edges(self, op: Op) -> Iterator[Edge]:
        """The channels that an operation ties together; the ties of mixes are in ``graph.joined``."""
        if op.kind in ("norm", "sum", "product", "fresh"):
            for value in op.inputs:
                yield self.of(value), self.of(op.output)
        elif op.kind == "cat":
            yield torch.cat([self.of(value) for value in op.inputs]), self.of(op.output)
        elif op.kind == "index":
            yield self.at(op.inputs[0], op.picks), self.of(op.output)
        elif op.kind == "layer" and (groups := self.graph.layers[op.name].groups) > 1:
            sides = [self.of(value).reshape(groups, -1) for value in (op.inputs[0], op.output)]
            if min(side.shape[1] for side in sides) > groups:
                yield from (_alike(side.mT) for side in sides)
            else:
                yield _alike(torch.cat(sides, 1))

    def _attached_edges(self) -> list[Edge]:
        """The ties between values whose channels the same parameter carries."""
        first: dict[tuple[str, int], Attached] = {}
        edges = []
        for one in self.graph.attached:
            before = first.setdefault((one.name, one.axis), one)
            size = min(len(one.labels), len(before.labels))
            both = (one.labels[:size] >= 0) & (before.labels[:size] >= 0)
            if before is not one:
                edges.append(
                    (
                        self.at(before.value, before.labels[:size][both]),
                        self.at(one.value, one.labels[:size][both]),
                    )
                )
        return edges

    def _rectangles(self) -> list[Edge]:
        """Ties that keep channels along several axes a rectangle: whole slices if those are tied, else equal cuts.

        Each call handles one tensor per value, since its ties may settle the others.
        """
        edges: dict[int, Edge] = {}
        for sized in self.graph.sized:
            if sized.table.dim() < 2 or sized.value in edges:
                continue
            places = self.at(sized.value, sized.table).reshape(sized.table.shape)
            if not _by_one_axis(self.group[places]):
                edges[sized.value] = _alike(places.reshape(-1, places.shape[-1]).mT)
        return list(edges.values())

    def _fixed_values(self) -> Iterator[int]:
        for value, _ in self.graph.pinned:
            yield value
        for op in self.graph.ops:
            if op.kind == "read":
                yield from op.inputs

    @cached_property
    def makers(self) -> list[Op]:
        """The layers of the graph, as operations."""
        return [op for op in self.graph.ops if op.kind == "layer"]

    @cached_property
    def uses(self) -> list[Op]:
        """One use of every layer, also of those that are used several times."""
        found: dict[str, Op] = {}
        for op in self.graph.ops:
            if op.name in self.graph.layers and op.kind in ("layer", "mix"):
                found.setdefault(op.name, op)
        return list(found.values())


def _alike(rows: Tensor) -> Edge:
    """Ties between the places of every row and its first place."""
    return rows[:, 1:].reshape(-1), rows[:, :1].expand_as(rows[:, 1:]).reshape(-1)


def _by_one_axis(groups: Tensor) -> bool:
    """Whether the place along a single axis decides the group of a channel."""
    for axis in range(groups.dim()):
        places = [slice(None) if other == axis else slice(0, 1) for other in range(groups.dim())]
        if bool((groups == groups[tuple(places)]).all()):
            return True
    return False


def values_around(graph: Graph, scope: str) -> Iterator[frozenset[int]]:
    """Growing sets of values: those to which a module gives sizes, all that it uses, and the same of the modules
    around it, up to the whole network."""
    while True:
        yield frozenset(sized.value for sized in graph.sized if _within(sized.scope, scope))
        inside = [value for op in graph.ops if _within(op.scope, scope) for value in (*op.inputs, op.output)]
        yield frozenset(value for value in inside if value >= 0)
        if not scope:
            return
        scope = scope.rpartition(".")[0]


def _within(scope: str, outer: str) -> bool:
    return not outer or scope == outer or scope.startswith(f"{outer}.")
