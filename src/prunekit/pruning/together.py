"""Coupled pruning from the request to the masks: chosen, shrunk, run, and chosen again where that fails."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from torch import Tensor, nn

from prunekit.base.multiplications import Multiplications, multiplied
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.pruning.asking import LARGEST_MISS, Asked, already_pruned, out_of_reach
from prunekit.pruning.coupled import Rank, Worth, choose, coupled_choice, coupled_masks
from prunekit.pruning.graph.coupling import Coupling
from prunekit.pruning.graph.graph import Graph
from prunekit.pruning.graph.remaining import Room, room_of
from prunekit.pruning.graph.tracing import evaluation, untouched
from prunekit.pruning.guards import CONSTANT, constant, warn_of
from prunekit.pruning.levels import UnreachableError
from prunekit.pruning.masks import Masks, masked, removed, total_parameters
from prunekit.pruning.methods import Method
from prunekit.pruning.opening import scores_of
from prunekit.pruning.shrink import Shrunk, shrunk
from prunekit.pruning.subject import Scores, Subject, output_positions

_TRIES = 8
# Where the pruned network has lost its answer, every layer keeps so many groups of channels, tried in turn.
_LEAST = (1, 2, 4, 8, 16)

# A network whose physical ratio differs from the masked one by more keeps the channels that stay, and loses others.
_LARGEST_REST = 0.005
_WHOLE = "they do not run with fewer channels"


class _Given(NamedTuple):
    """What every try starts from: the network with its masks, the method with its scores, and the layers left out."""

    subject: Subject
    row: Method
    room: Room
    masks: Masks
    scores: Scores
    skipped: frozenset[str]
    rank: Rank
    counted: Multiplications | None = None

    def whole(self, asked: Asked) -> int:
        """All parameters of the unpruned parent, or all multiplications of the network."""
        return asked.total if self.counted is None else self.counted.total


def prune_together(
    subject: Subject, row: Method, masks: Masks, asked: Asked, skipped: frozenset[str], rank: Rank
) -> Masks:
    """Masks of coupled channels, tested by shrinking: modules that fail with fewer channels keep theirs.

    If an output no longer depends on the input, as where all units left of a narrow layer are off, every layer keeps
    more of them; if that does not help either, a :class:`PrunekitWarning` says so.
    """
    if row.structure != "filter":
        raise UsageError(f"coupled pruning removes channels: use a filter method, not {asked.method}")
    if not subject.graph.traced:
        raise UsageError(f"coupled pruning needs a model that can be traced ({subject.graph.reason})")
    room = room_of(subject.model, subject.graph, masks)
    counted = _multiplications(subject.model, subject.graph) if asked.target == "multiplications" else None
    given = _Given(subject, row, room, masks, _scores(subject, row), skipped, rank, counted)
    first: Masks | None = None
    for least in _LEAST:
        limited = asked._replace(limits=asked.limits._replace(least=least))
        try:
            found, tried = _tested(given, limited)
        except UsageError:
            if first is None:
                raise
            break
        first = found if first is None else first
        if not constant(subject.graph.outputs, tried.outputs):
            warn_of(tried.failed, _WHOLE)
            return found
    warnings.warn(CONSTANT, PrunekitWarning, 4)
    return first or {}


def _scores(subject: Subject, row: Method) -> Scores:
    """The scores; layers all of whose ranked channels stay, such as those of the network's input, need none, and layers
    that the sample does not reach have none."""
    coupling, ranked = Coupling(subject.graph), set()
    for op in coupling.makers:
        groups = coupling.groups(op.output if row.ranks == "outputs" else op.inputs[0])
        ranked |= set() if bool(coupling.pinned[groups].all()) else {op.name}
    found = scores_of(subject._replace(ranked=frozenset(ranked)), row)
    if row.data_informed and not row.needs_labels:
        seen = output_positions(subject)
        found = {name: values for name, values in found.items() if name in seen}
    return found


def _tested(given: _Given, asked: Asked) -> tuple[Masks, Shrunk]:
    """The masks, and the network without the masked channels, all of which can be removed.

    If the ratio is out of reach, the smallest choice is tested, so that the refusal names ratios that can be had.
    """
    fixed: frozenset[int] = frozenset()
    failed: tuple[str, ...] = ()
    for _ in range(_TRIES):
        refusal: UsageError | None = None
        try:
            kept, refusal = _channels(given, asked, fixed)
            found, tried, stay = _shrunk(given, kept)
        except UsageError as error:
            warn_of(failed, _WHOLE)
            raise (refusal or error) from None
        names = dict.fromkeys([*tried.failed, *_makers(given.subject.graph, stay)])
        failed += tuple(name for name in names if name not in failed)
        if not (tried.fixed | stay) - fixed:
            break
        fixed |= tried.fixed | stay
    if refusal is not None:
        warn_of(failed, _WHOLE)
        raise refusal
    return found, tried._replace(failed=failed)


def _shrunk(given: _Given, kept: list[Tensor]) -> tuple[Masks, Shrunk, frozenset[int]]:
    """The masks that leave these channels, the network without the others, and the values that keep some of those.

    The last are named only if they make the network larger than its masks say.
    """
    subject, masks = given.subject, given.masks
    made = coupled_masks(subject.model, subject.graph, kept)
    found = {name: mask & masks[name].cpu() if name in masks else mask for name, mask in made.items()}
    with evaluation(subject.model), masked(subject.model, masks | found):
        tried = shrunk(subject.model, subject.graph, masks | found)
    whole = total_parameters(subject.model)
    stay: frozenset[int] = frozenset()
    if total_parameters(tried.model) - (whole - removed(made)) > _LARGEST_REST * whole:
        pairs = enumerate(zip(kept, tried.kept, strict=True))
        stay = frozenset(value for value, (few, real) in pairs if bool((real & ~few).any()))
    return found, tried, stay


def _makers(graph: Graph, values: frozenset[int]) -> list[str]:
    return [op.name for op in graph.ops if op.kind == "layer" and op.output in values]


def _channels(given: _Given, asked: Asked, fixed: frozenset[int]) -> tuple[list[Tensor], UsageError | None]:
    """The channels to keep, of every value; if the ratio is out of reach, the fewest, and the refusal."""
    worth = Worth(None if given.counted is None else given.counted.uses)
    trial, allocate = coupled_choice(
        given.subject,
        given.row,
        given.room,
        given.masks,
        given.scores,
        given.rank,
        skipped=given.skipped,
        fixed=fixed,
        asked=asked,
        worth=worth,
    )
    before, whole = trial.counted(trial.alive), given.whole(asked)
    target = round((1 - asked.ratio) * whole)
    if before < target:
        raise already_pruned(1 - before / whole, asked.ratio)
    try:
        return choose(trial, allocate, target, LARGEST_MISS * whole), None
    except UnreachableError as error:
        reachable = [1 - kept / whole for kept in (before, *error.nearest)]
        refusal = out_of_reach(asked.method, asked.ratio, reachable)
        return trial.coupling.kept(trial.needed(allocate(0.0))), refusal


def _multiplications(model: nn.Module, graph: Graph) -> Multiplications:
    """What the network multiplies on the inputs on which it was traced."""
    with untouched(model), multiplied(model) as found:
        model(*graph.example)
    return found
