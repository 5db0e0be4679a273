from types import SimpleNamespace

import pytest

from prunekit.pruning.room import Left
from prunekit.pruning.search import _largest_below

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
        room = SimpleNamespace(other=0)

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
