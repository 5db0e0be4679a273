"""The weights or filters to keep that leave a number of entries, counted after propagation."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from prunekit.pruning.allocation import largest, standings
from prunekit.pruning.graph.connectivity import lifelines
from prunekit.pruning.graph.counts import amounts_of, stock_of
from prunekit.pruning.graph.propagation import between, by_filter
from prunekit.pruning.graph.remaining import Left, Room
from prunekit.pruning.levels import Allocate, UnreachableError, nearest_amounts
from prunekit.pruning.subject import Scores


class _Ranking:
    """Scores of all weights that may be removed, with kernel positions first so that counting is one vector sum."""

    def __init__(self, room: Room, scores: Scores) -> None:
        self.room = room
        # Each layer's scores are let go as soon as it has its plane, since all together are as large as the network.
        self.planes = {name: _plane(room, name, scores.pop(name)) for name in list(scores)}
        # As large as the network; while the order is not needed, other numbers take its place.
        size = sum(plane.numel() for plane in self.planes.values())
        self.memory = torch.empty(size, device=next(iter(self.planes.values())).device)
        self.order()
        # Weights with an infinite score are never removed.
        self.least = len(self) - int(torch.searchsorted(self.ascending, torch.inf))
        others = {name: entries for name, entries in room.present.items() if name not in self.planes}
        self.whole = room.stocks_of(others)
        self.floors: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return len(self.ascending)

    def order(self) -> None:
        """Sort the scores, also anew after their memory was used otherwise."""
        torch.cat([plane.flatten() for plane in self.planes.values()], out=self.memory)
        self.ascending = _ascending(self.memory)

    def kept(self, count: int) -> dict[str, Tensor]:
        """The ``count`` best weights as bool planes, and each layer's floor; the first of equal scores win."""
        level = -torch.inf if count >= len(self) else float(self.ascending[len(self) - 1 - count])
        kept = {name: plane > level for name, plane in self.planes.items()}
        tied = count - (len(self) - int(torch.searchsorted(self.ascending, level, right=True)))
        if tied > 0 and count < len(self):
            self._add_ties(kept, level, tied)
        return kept | {name: kept[name] | floor for name, floor in self.floors.items()}

    def _add_ties(self, kept: dict[str, Tensor], level: float, missing: int) -> None:
        for name, plane in self.planes.items():
            ties = (plane == level).permute(1, 2, 0)
            places = ties.flatten().nonzero().flatten()[:missing]
            taken = torch.zeros_like(ties, memory_format=torch.contiguous_format)
            taken.view(-1)[places] = True
            kept[name] |= taken.permute(2, 0, 1)
            missing -= len(places)
            if not missing:
                break

    def left(self, count: int) -> Left:
        """What the ``count`` best weights leave after propagation."""
        layers = self.room.graph.layers
        amounts = {name: amounts_of(plane, 0) for name, plane in self.kept(count).items()}
        return self.room.left(
            self.whole | {name: stock_of(layers[name], amount) for name, amount in amounts.items()}
        )

    def tie_back(self, count: int, emptied: tuple[str, ...]) -> bool:
        """From now on keep the weights that reconnect the ``emptied`` layers; False if none can."""
        added = lifelines(self.room.graph, emptied, self._strengths(count))
        self.order()
        for name, places in added.items():
            plane = self.planes[name]
            positions = torch.arange(len(plane), device=plane.device)[:, None, None]
            floor = places & (positions == plane.argmax(0))
            self.floors[name] = floor | self.floors.get(name, floor)
        return bool(added)

    def _strengths(self, count: int) -> dict[str, Tensor]:
        """The best score at every (filter, channel) place, inf where this count keeps a weight.

        They take the memory of the ordered scores.
        """
        kept, found, start = self.kept(count), {}, 0
        for name, plane in self.planes.items():
            best = self.memory[start : start + plane[0].numel()].view(plane.shape[1:])
            torch.amax(plane, 0, out=best)
            found[name] = best.masked_fill_(kept[name].any(0), torch.inf)
            start += best.numel()
        for name in self.whole:
            there = self.room.present[name].any(-1)
            found[name] = torch.where(there, torch.inf, -torch.inf)
        return found


def _plane(room: Room, name: str, values: Tensor) -> Tensor:
    blocks = room.graph.layers[name].blocks(values).float()
    return blocks.masked_fill(~room.present[name], -torch.inf).permute(2, 0, 1).contiguous()


def _ascending(values: Tensor) -> Tensor:
    """The scores of the remaining weights, lowest first; the values are sorted in place."""
    # On the CPU numpy sorts about ten times faster than torch, thanks to vector instructions.
    if values.device.type == "cpu":
        values.numpy().sort()
    ordered = values if values.device.type == "cpu" else values.sort().values
    return ordered[int(torch.searchsorted(ordered, -torch.inf, right=True)) :]


def search_weights(room: Room, scores: Scores, target: int, largest_miss: float) -> dict[str, Tensor]:
    """The best-scored weights (in blocks) that leave exactly ``target`` entries after propagation.

    ``scores``: comparable scores of the layers that may be pruned, in the weights' shapes; empty afterwards. A layer
    that would be emptied keeps the weights that connect it to the others. :class:`UnreachableError` if that leaves too
    many entries, or if nothing can be added to a choice that is more than ``largest_miss`` entries short. Weights with
    an infinite score stay; if they alone come within ``largest_miss`` of the target, only they stay.
    """
    ranking = _Ranking(room, scores)
    if ranking.least:
        held = ranking.left(ranking.least)
        if not held.emptied and abs(held.kept - target) <= largest_miss:
            return _in_blocks(room, ranking.kept(ranking.least))
    while True:
        count, left = _largest_below(ranking, target)
        if not left.emptied:
            break
        if not ranking.tie_back(count, left.emptied):
            raise UnreachableError(left.kept)
    if left.kept > target:
        raise UnreachableError(left.kept)
    planes = _filled(ranking, ranking.kept(count), left, target - left.kept)
    found = _in_blocks(room, planes)
    reached = room.left(room.stocks_of(found)).kept
    if target - reached > largest_miss:
        ranking.order()
        raise UnreachableError(reached, ranking.left(count + 1).kept)
    return found


def _in_blocks(room: Room, planes: dict[str, Tensor]) -> dict[str, Tensor]:
    return room.present | {name: plane.permute(1, 2, 0) for name, plane in planes.items()}


def _largest_below(ranking: _Ranking, target: int) -> tuple[int, Left]:
    """The largest count of weights that leaves at most ``target`` entries; the smallest count if none does."""
    low, high = ranking.least, len(ranking) + 1
    best = ranking.left(low)
    guess = min(len(ranking), max(low + 1, target - ranking.room.other))
    # The first step equals what is missing, which is exact if no removed weight takes others with it.
    slope, seen, missed = 1.0, None, float("inf")
    while best.kept < target and high - low > 1:
        left = ranking.left(guess)
        low, high, best = (guess, high, left) if left.kept <= target else (low, guess, best)
        missing = target - left.kept
        if seen is not None:
            slope = (left.kept - seen[1]) / (guess - seen[0])
        seen = guess, left.kept
        step = guess + round(missing / slope) if slope > 0 else low
        # Where many weights are dead, such steps may never end; halving the interval does.
        guess = step if low < step < high and abs(missing) <= missed / 2 else (low + high) // 2
        missed = abs(missing)
    return low, best


def _filled(ranking: _Ranking, kept: dict[str, Tensor], left: Left, missing: int) -> dict[str, Tensor]:
    """Add the best ``missing`` weights between live filters and live channels: each adds exactly one entry.

    Their scores take the memory of the ordered ones.
    """
    if missing <= 0:
        return kept
    layers = ranking.room.graph.layers
    gaps, joined = {}, ranking.memory
    sizes: list[int] = []
    for name, plane in ranking.planes.items():
        useful = between(layers[name], left.liveness, plane.device)
        # Ties are broken by position in the weight, so the planes are put back into blocks first.
        gaps[name] = (useful & ~kept[name] & (plane > -torch.inf)).permute(1, 2, 0)
        values = plane.permute(1, 2, 0)[gaps[name]]
        joined[sum(sizes) : sum(sizes) + len(values)] = values
        sizes.append(len(values))
    added = torch.split(largest(joined[: sum(sizes)], missing), sizes)
    for gap, part in zip(gaps.values(), added, strict=True):
        gap[gap.clone()] = part
    return {name: kept[name] | gap.permute(2, 0, 1) for name, gap in gaps.items()}


class _Trial:
    """Filters (or channels) kept by count, and what each choice of counts leaves; results are cached."""

    def __init__(self, room: Room, keys: Scores, there: Mapping[str, Tensor], ranks: str) -> None:
        self.room, self.there, self.ranks = room, there, ranks
        self.standings = {
            name: standings(keys[name].masked_fill(~own, -torch.inf)) for name, own in there.items()
        }
        self.tried: dict[tuple[int, ...], Left] = {}

    def chosen(self, amounts: Mapping[str, int]) -> dict[str, Tensor]:
        """Which filters (or channels) these amounts keep, as bool vectors."""
        return {name: (self.standings[name] < amount) & self.there[name] for name, amount in amounts.items()}

    def kept(self, amounts: Mapping[str, int]) -> dict[str, Tensor]:
        """The weights that these amounts keep, in blocks."""
        layers, present = self.room.graph.layers, self.room.present
        kept = dict(present)
        for name, best in self.chosen(amounts).items():
            entries = best[:, None] if self.ranks == "outputs" else by_filter(layers[name], best)
            kept[name] = present[name] & entries[:, :, None]
        return kept

    def left(self, amounts: Mapping[str, int]) -> Left:
        """What these amounts leave after propagation."""
        key = tuple(amounts.values())
        if key not in self.tried:
            side = "filters" if self.ranks == "outputs" else "channels"
            stocks = self.room.stocks
            chosen = {
                name: stocks[name]._replace(**{side: best.numpy()})
                for name, best in self.chosen(amounts).items()
            }
            self.tried[key] = self.room.left(stocks | chosen)
        return self.tried[key]

    def most(self, amounts: Mapping[str, int]) -> int:
        """Entries left, even if layers are emptied."""
        return self.left(amounts).kept

    def reached(self, amounts: Mapping[str, int]) -> int:
        """Entries left, or -1 (too few) if a layer would be emptied."""
        left = self.left(amounts)
        return -1 if left.emptied else left.kept


def search_filters(
    room: Room,
    keys: Scores,
    there: Mapping[str, Tensor],
    allocate: Allocate,
    ranks: str,
    target: int,
    largest_miss: float,
) -> dict[str, Tensor]:
    """The filters (or channels) with the largest keys that leave the number of entries nearest to ``target``.

    ``there``: which filters (channels) of each layer still exist. ``allocate``: maps a level in [0, 1] to counts per
    layer, which grow with it. Returns weights in blocks; :class:`UnreachableError` if even the nearest number is more
    than ``largest_miss`` entries off.
    """
    trial = _Trial(room, keys, there, ranks)
    return trial.kept(nearest_amounts(trial, allocate, target, largest_miss))
