"""What one stored network is and costs, as measured here: the figures behind ``show``."""

from __future__ import annotations

from typing import Any

from prunekit.models.cost import cost, latency
from prunekit.steps.context import Context, dataset, load


def inspect(key: str, context: Context, *, batch: int, repeats: int) -> dict[str, Any]:
    """Size, counts, file size and latency; a masked network is timed as it is, its zeros included.

    ``flops`` is torch's count for the dense network (two per multiplication); ``nonzero_multiplications`` leaves out
    the weights that are zero, which no dense kernel does.
    """
    loaded = load(context, key)
    size = dataset(loaded.record.param("dataset"), context.data).size
    counted, timed = cost(loaded.model, size), latency(loaded.model, size, batch=batch, repeats=repeats)
    return {
        **loaded.record.row(),
        "flops": counted.flops,
        "multiplications": counted.multiplications,
        "nonzero_multiplications": counted.nonzero_multiplications,
        "file_bytes": context.store.path(key).stat().st_size,
        "latency_ms": timed.median,
        "latency_quartiles_ms": [timed.low, timed.high],
        "latency_batch": timed.batch,
        "latency_threads": timed.threads,
        "latency_device": timed.device,
    }
