"""Batches are functions of the seed and the place in the run, and nothing else."""

import pytest
import torch

from prunekit.data.examples import FileExamples
from prunekit.data.normalise import Normaliser
from prunekit.errors import UsageError
from prunekit.training.distributed import ALONE, World
from prunekit.training.feed import Feed, derived_seed


def _feed(tiny, augment: str = "crop-flip", place: World = ALONE, **changes: object) -> Feed:
    fields = {"examples": tiny.examples(), "dataset": tiny.dataset(augment), "batch_size": 16, "seed": 0}
    return Feed(**{**fields, "device": torch.device("cpu"), "place": place, **changes})


def test_an_epoch_has_every_image_once(tiny) -> None:
    examples = tiny.examples()
    batches = list(_feed(tiny, "none").epoch(0))
    assert [batch.total for batch in batches] == [16, 16, 8]
    seen = torch.cat([batch.images for batch in batches])
    wanted = Normaliser(tiny.dataset(), torch.device("cpu"))(examples.images)
    assert torch.equal(seen.flatten(1).sum(1).sort().values, wanted.flatten(1).sum(1).sort().values)


def test_starting_in_the_middle_gives_the_same_batches(tiny) -> None:
    whole, rest = list(_feed(tiny).epoch(1)), list(_feed(tiny).epoch(1, first_step=2))
    assert len(rest) == 1
    assert torch.equal(whole[2].images, rest[0].images)
    assert torch.equal(whole[2].labels, rest[0].labels)


def test_every_epoch_and_seed_has_an_order_of_its_own(tiny) -> None:
    first, second, other = (
        next(feed.epoch(epoch)).labels
        for feed, epoch in ((_feed(tiny), 0), (_feed(tiny), 1), (_feed(tiny, seed=1), 0))
    )
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_processes_shares_make_the_whole_batch(tiny) -> None:
    whole = list(_feed(tiny).epoch(0))
    shares = [list(_feed(tiny, place=World(rank, 3)).epoch(0)) for rank in range(3)]
    for step, batch in enumerate(whole):
        assert sum(len(share[step].labels) for share in shares) == batch.total
        for rank, share in enumerate(shares):
            assert torch.equal(share[step].images, batch.images[rank::3])


def test_a_batch_smaller_than_the_processes_is_refused(tiny) -> None:
    feed = _feed(tiny, batch_size=13, place=World(0, 2))  # 40 images: the last batch has one
    with pytest.raises(UsageError, match="1 images cannot be split among 2 processes"):
        list(feed.epoch(0))


def test_files_give_the_same_batches_as_arrays(tiny) -> None:
    examples = tiny.examples()
    files = FileExamples(
        items=list(range(40)),
        strata=examples.labels,
        read=lambda item: (examples.images[item], examples.labels[item]),
    )
    for ours, theirs in zip(_feed(tiny, examples=files).epoch(0), _feed(tiny).epoch(0), strict=True):
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.labels, theirs.labels)


def test_a_reader_that_fails_stops_the_epoch_with_its_own_error(tiny) -> None:
    def read(item: int) -> tuple[torch.Tensor, torch.Tensor]:
        raise UsageError(f"image {item} cannot be read")

    files = FileExamples(items=list(range(40)), strata=torch.zeros(40, dtype=torch.int64), read=read)
    with pytest.raises(UsageError, match="cannot be read"):
        list(_feed(tiny, examples=files).epoch(0))


def test_an_epochs_own_images_take_the_place_of_the_examples(tiny) -> None:
    def images(epoch: int) -> torch.Tensor:
        return torch.full((40, 3, 8, 8), epoch, dtype=torch.uint8)

    feed = _feed(tiny, "none", epoch_images=images)
    expected = Normaliser(tiny.dataset(), torch.device("cpu"))(images(2))[:16]
    assert torch.equal(next(feed.epoch(2)).images, expected)
    assert torch.equal(next(feed.epoch(2)).labels, next(_feed(tiny, "none").epoch(2)).labels)


def test_images_in_files_cannot_change_every_epoch(tiny) -> None:
    examples = tiny.examples()
    files = FileExamples(items=list(range(40)), strata=examples.labels, read=lambda item: examples.take(item))
    feed = _feed(tiny, examples=files, epoch_images=lambda epoch: examples.images)
    with pytest.raises(UsageError, match="tiny is too large"):
        next(feed.epoch(0))


def test_derived_seeds_differ_by_place() -> None:
    seeds = {
        derived_seed(seed, name, epoch)
        for seed in range(4)
        for name in ("order", "augment")
        for epoch in range(4)
    }
    assert len(seeds) == 32
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_images_before_a_step(tiny) -> None:
    feed = _feed(tiny)
    assert [feed.images_before(step) for step in (0, 1, 3, 5)] == [0, 16, 40, 72]
