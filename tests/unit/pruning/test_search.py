from types import SimpleNamespace

import pytest
import torch
from torch import nn

from prunekit.pruning.allocation import global_top
from prunekit.pruning.graph.remaining import Left, room_of
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.levels import nearest_amounts
from prunekit.pruning.search import _largest_below, _Ranking, search_weights

LENGTH = 1_000_000
KEPT = {
    "every weight counts": lambda count: 7 + count,
    "most weights are dead": lambda count: 900_000 + count // 50,
    "weights bring others back": lambda count: 7 + 3 * count,
    "layers come back at once": lambda count: count // 3 + 200_000 * (count > 400_000),
    "dead at first": lambda count: max(0, count - 700_000) * 4,
    "dead at last": lambda count: min(count, 350_000) + max(0, count - 350_000) // 200,
}


@pytest.mark.parametrize("target", [350_001, 351_234, 600_000, 905_000, 919_999])
@pytest.mark.parametrize("name", KEPT)
def test_the_count_is_the_largest_that_leaves_no_more_than_the_target(name, target):
    """However many of the ranked weights are dead; the number of trials stays small."""
    kept, tried = KEPT[name], []

    class Ranking:
        room, least = SimpleNamespace(other=0), 0

        def __len__(self):
            return LENGTH

        def left(self, count):
            tried.append(count)
            return Left(kept(count), (), None)

    count, left = _largest_below(Ranking(), target)
    assert left.kept == kept(count)
    assert len(tried) <= 50
    if kept(0) > target:
        assert count == 0
    elif left.kept < target:
        assert count == LENGTH or kept(count + 1) > target
    else:
        assert left.kept == target


@pytest.mark.parametrize("count", [0, 1, 2, 30, 59, 60, 61, 84, 85, 86, 105, 106, 108])
def test_the_ranking_keeps_the_best_weights_and_among_equals_the_first(count):
    """Scores of three values only, in layers of one and of several kernel positions, some of whose weights are gone."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Conv2d(4, 9, 1))
    gone = torch.rand(4, 2, 3, 3, generator=generator) < 0.2
    room = room_of(model, trace(model), {"0.weight": ~gone})
    scores = {
        name: torch.randint(3, layer.weight.shape, generator=generator).float()
        for name, layer in model.named_children()
    }
    there = {name: room.present[name].reshape(values.shape) for name, values in scores.items()}
    expected = global_top(
        {name: s.masked_fill(~there[name], -torch.inf) for name, s in scores.items()}, count
    )
    kept = _Ranking(room, scores).kept(count)
    for name, values in scores.items():
        found = kept[name].permute(1, 2, 0).reshape(values.shape)
        assert torch.equal(found, expected[name] & there[name])


@pytest.mark.parametrize("target", range(0, 60, 7))
def test_levels_come_nearer_until_one_filter_is_left_between_them(target):
    tried, counted = [], set()

    def allocate(level):
        tried.append(level)
        return {"a": round(20 * level), "b": round(40 * level**2)}

    class Trial:
        def reached(self, amounts):
            counted.add(tuple(amounts.values()))
            return sum(amounts.values())

        most = reached

    assert sum(nearest_amounts(Trial(), allocate, target, 1).values()) == target
    assert len(tried) < 20
    assert len(counted) < 9


def test_scores_are_used_up_and_what_is_short_is_filled_between_live_units():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    room, scores = room_of(model, trace(model), {}), {"0": torch.tensor([[9.0, 1], [8, 1], [7, 1]])}
    scores["1"] = torch.tensor([[6.0, 1, 5], [4, 1, 1]])
    # The nine best leave 11 entries (nothing reads filter 1 of the first layer); one more between live units makes 12.
    found = search_weights(room, scores, 12, 0)
    assert scores == {}
    assert found["0"][..., 0].all()
    assert found["1"][..., 0].tolist() == [[True, False, True], [True, False, True]]
