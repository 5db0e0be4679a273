"""Which device each worker computes on."""

from __future__ import annotations

from prunekit.errors import UsageError


def assign(device: str, *, jobs: int, per_gpu: int = 1, gpus: int = 0) -> tuple[str, ...]:
    """The device of each of ``jobs`` workers: ``cuda`` is spread over ``gpus``, at most ``per_gpu`` workers on each.

    Any other name (``cpu``, ``cuda:1``) applies to every worker. :class:`UsageError`: more workers than places.
    """
    if device != "cuda" or gpus == 0:
        return (device,) * jobs
    places = [f"cuda:{gpu}" for _ in range(per_gpu) for gpu in range(gpus)]
    if jobs > len(places):
        raise UsageError(
            f"--jobs {jobs} needs {jobs} places on GPUs, but there are {len(places)}: {gpus} GPUs "
            f"with --per-gpu {per_gpu}"
        )
    return tuple(places[:jobs])
