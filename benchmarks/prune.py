"""How long pruning takes, as multiples of one plain forward pass over the sample S in the same run.

    python benchmarks/prune.py [--archs resnet20 wrn16_8] [--methods wt ft sipp pfp] [--threads 2] [--runs 3]
        [--images 64] [--side 32] [--prune-ratio 0.8] [--coupled]

Everything is included: tracing, sensitivities, allocation, propagation, masks. Forward and prune alternate, medians are
printed. On one thread, seconds are the processor's own, so that other work on the machine does not count. Peak memory
is the growth of the process's peak over that of a forward pass.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Iterator

import torch

from measured import Measured, accepts_json, say
from prunekit.models.archs import build
from prunekit.pruning.api import prune, sample_size

BATCH = 128
# Measured: the authors' code on resnet20.
AUTHORS = {"wt": "4-6", "ft": "29-34", "sipp": "114-124", "pfp": "140-193"}


GOALS = {"wt": "≤ 0.5 forwards", "ft": "≤ 0.5 forwards", "sipp": "≤ 6 forwards", "pfp": "≤ 20 forwards"}


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    title = f"{options.threads} threads, torch {torch.__version__}"
    say(rows(options), title, as_json=options.json)


def rows(options: argparse.Namespace) -> Iterator[Measured]:
    """A row per network and method."""
    for arch in options.archs:
        model, sample = subject(arch, options.images, options.side)
        for method in options.methods:
            yield row(arch, model, sample, method, options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--archs", nargs="+", default=["resnet20", "wrn16_8"])
    parser.add_argument("--methods", nargs="+", default=list(AUTHORS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--images", type=int, help="instead of the paper's size of S")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--prune-ratio", type=float, default=0.8)
    parser.add_argument("--coupled", action="store_true")
    accepts_json(parser)
    return parser.parse_args()


def subject(arch: str, images: int | None, side: int) -> tuple[torch.nn.Module, list[torch.Tensor]]:
    model = build(arch, classes=10, seed=0).eval()
    count = images or sample_size(model, (3, side, side))
    sample = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))
    return model, list(sample.split(BATCH))


def row(
    arch: str, model: torch.nn.Module, sample: list[torch.Tensor], method: str, options: argparse.Namespace
) -> Measured:
    how = {"prune_ratio": options.prune_ratio, "coupled": options.coupled}
    forward(model, sample)
    before = peak()
    times = [
        (
            timed(lambda: forward(model, sample)),
            timed(lambda: prune(model, method=method, batches=sample, **how)),
        )
        for _ in range(options.runs)
    ]
    plain, whole = (statistics.median(column) for column in zip(*times, strict=True))
    multiple = statistics.median(both / one for one, both in times)
    grown, authors = (peak() - before) / 2**20, AUTHORS.get(method)
    beside = f"; the authors' code takes {authors}" if authors and arch == "resnet20" else ""
    count = sum(map(len, sample))
    name = f"{method}, coupled," if options.coupled else method
    what = f"{name} on {arch}: {multiple:.2g} forward passes over {count} images, {grown:.2f} GB more{beside}"
    goal = GOALS.get(method, "") if arch == "resnet20" else ""
    return Measured(what, whole, "s", "one forward pass", plain, 1 / multiple, goal)


@torch.no_grad()
def forward(model: torch.nn.Module, sample: list[torch.Tensor]) -> None:
    for batch in sample:
        model(batch)


def timed(work: object) -> float:
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    work()
    return clock() - start


def peak() -> int:
    """The process's peak memory so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
