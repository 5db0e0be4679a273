"""Size and cost of one stored network, as measured here: the figures of ``show``."""

from __future__ import annotations

from typing import Any

import torch

from prunekit.data.preprocessing import Preprocessing, to_json
from prunekit.models.cost import cost, latency
from prunekit.pruning.explain import explain
from prunekit.steps.context import Context, load, load_module
from prunekit.store.records import MODULE


def inspect(key: str, context: Context, *, batch: int, repeats: int) -> dict[str, Any]:
    """Size, counts, file size and latency; a masked network is timed as it is, its zeros included.

    ``flops`` is torch's count for the dense network (two per multiplication); ``nonzero_multiplications`` leaves out
    the weights that are zero, which no dense kernel does. All three are null for programs, which torch does not count.
    """
    loaded = load(context, key)
    size, planes = loaded.dataset.size, loaded.dataset.planes
    own = loaded.record.form == MODULE
    counted = cost(loaded.model, size, channels=planes)._asdict() if own else {}
    timed = latency(loaded.model, size, batch=batch, repeats=repeats, channels=planes)
    return {
        **loaded.record.row(),
        "preprocessing": to_json(Preprocessing.of(loaded.dataset)),
        **{name: counted.get(name) for name in ("flops", "multiplications", "nonzero_multiplications")},
        "file_bytes": context.store.path(key).stat().st_size,
        "latency_ms": timed.median,
        "latency_quartiles_ms": [timed.low, timed.high],
        "latency_batch": timed.batch,
        "latency_threads": timed.threads,
        "latency_device": timed.device,
    }


def explained(key: str, context: Context) -> str:
    """A stored network as pruning sees it, one line per layer."""
    loaded = load_module(context, key)
    device = next(loaded.model.parameters()).device
    example = torch.zeros(2, loaded.dataset.planes, *loaded.dataset.size, device=device)
    return explain(loaded.model, example=example)
