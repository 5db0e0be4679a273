"""A block with a random state of its own."""

import torch

from prunekit.base.seeding import seeded


def test_the_same_numbers_in_the_block_and_the_callers_own_state_afterwards():
    before = torch.get_rng_state()
    draws = []
    for _ in range(2):
        with seeded(3):
            draws.append(torch.rand(4))
    assert torch.equal(*draws)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_the_callers_state_is_used():
    with seeded(5), seeded(None):
        first = torch.rand(4)
    with seeded(5):
        assert torch.equal(torch.rand(4), first)


def test_a_gpu_that_is_started_later_is_not_seeded_by_it():
    queued = list(torch.cuda._queued_calls)
    with seeded(7):
        pass
    assert torch.cuda._queued_calls == queued
