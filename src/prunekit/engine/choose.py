"""Which executor runs the steps: this process, worker processes, or a Ray cluster. No torch at import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from prunekit.engine.devices import assign
from prunekit.engine.inline import Inline
from prunekit.engine.pool import Pool
from prunekit.engine.run import Executor
from prunekit.errors import unknown
from prunekit.progress import Progress
from prunekit.registry import Lazy
from prunekit.steps.settings import Settings

GPUS = Lazy("torch.cuda:device_count")
RAY = Lazy("prunekit.engine.ray_pool:RayPool")
EXECUTORS = ("local", "ray")


class Wish(NamedTuple):
    """The requested executor, number of concurrent jobs, workers per GPU, and cluster address."""

    executor: str = "local"
    jobs: int = 1
    per_gpu: int = 1
    address: str | None = None


def executor_of(
    settings: Settings, wish: Wish, names: Mapping[str, str] | None = None
) -> Callable[[Progress], Executor]:
    """This process for one job, worker processes for more, or a Ray cluster; a wrong name raises.

    ``names`` are the labels of the steps on progress bars, by key.
    """
    if wish.executor not in EXECUTORS:
        raise unknown("executor", wish.executor, EXECUTORS)
    if wish.executor == "ray":
        return lambda progress: RAY(settings, jobs=wish.jobs, address=wish.address, per_gpu=wish.per_gpu)
    if wish.jobs == 1:
        return lambda progress: Inline(settings, progress, names)
    gpus = GPUS() if settings.device == "cuda" else 0
    devices = assign(settings.device, jobs=wish.jobs, per_gpu=wish.per_gpu, gpus=gpus)
    return lambda progress: Pool(settings, jobs=wish.jobs, devices=devices, progress=progress, names=names)
