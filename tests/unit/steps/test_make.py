"""Making batches: no more claims at once than a process may have files open."""

import resource

import pytest

from prunekit.params import ErrorParams
from prunekit.progress import SILENT
from prunekit.steps import make as module
from prunekit.steps.settings import Settings


@pytest.mark.parametrize(("limit", "parts"), [(64, [8, 8, 4]), (20, [1] * 20), (1024, [20]), (-1, [20])])
def test_a_batch_is_made_in_parts_that_the_descriptors_allow(tmp_path, monkeypatch, limit, parts):
    found = []

    def part(batch, context, *, wait):
        found.append([params.key for params in batch])
        return {batch[0].key}

    monkeypatch.setattr(module, "_make", part)
    monkeypatch.setattr(module.resource, "getrlimit", lambda which: (limit, limit))
    batch = [ErrorParams(model="m", distribution="digits", seed=seed) for seed in range(20)]
    context = module.open_context(Settings(str(tmp_path / "store"), str(tmp_path)), SILENT)
    left = module.make(batch, context)
    assert [len(keys) for keys in found] == parts
    assert [key for keys in found for key in keys] == [params.key for params in batch]
    assert left == tuple(keys[0] for keys in found)
    assert resource.RLIM_INFINITY == -1
