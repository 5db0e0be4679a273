"""Every network of the zoo pruned to one ratio, alone, coupled, and by Torch-Pruning: the table of the docs.

    python benchmarks/zoo.py [--ratio 0.5] [--method ft] [NAME ...]

Ratios are of parameters: masked, and physical after shrinking. Latencies are medians of alternating passes of the dense
and the smaller networks in this process, as shares of the dense one's. Torch-Pruning 1.6 (``pip install
torch-pruning``) is given the same example, its magnitude importance (p=1 for ft, 2 for l2), global_pruning off and the
classifier to ignore, and is asked for more in steps until its parameters reach the ratio.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

import zoo
from prunekit.pruning.api import prune
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.guards import alike, outputs
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters
from prunekit.pruning.shrink import shrink

REPEATS = 5


def latency(model, example):
    start = time.perf_counter()
    outputs(model, example)
    return time.perf_counter() - start


def shares(dense, smaller, example):
    """The median latency of each smaller network, as a share of the dense one's, in alternating passes."""
    models = [dense, *smaller]
    times = [[latency(model, example) for model in models] for _ in range(REPEATS + 1)][1:]
    medians = [sorted(each)[REPEATS // 2] for each in zip(*times, strict=True)]
    return [each / medians[0] for each in medians[1:]]


def ours(model, method, ratio, coupled):
    """(masked ratio, physical ratio, smaller network) or what was said."""
    total = total_parameters(model)
    try:
        masks = prune(model, method=method, prune_ratio=ratio, coupled=coupled)
        masked, small = prune_ratio(masks, total), shrink(model, masks)
    except Exception as error:  # the table says what happened
        return None, None, None, f"{type(error).__name__}: {str(error)[:60]}"
    whole = copy.deepcopy(model)
    apply_(whole, masks)
    example = trace(whole).example
    same = alike(outputs(whole, example), outputs(small, example), 1e-4)
    return masked, 1 - total_parameters(small) / total, small, "" if same else "logits differ"


def theirs(model, method, ratio, example, heads):
    """(physical ratio, smaller network) of Torch-Pruning, or what it said."""
    import torch_pruning as tp

    total = total_parameters(model)
    best = None
    for asked in (ratio * share for share in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)):
        small = copy.deepcopy(model)
        modules = dict(small.named_modules())
        try:
            importance = tp.importance.MagnitudeImportance(p=1 if method == "ft" else 2)
            pruner = tp.pruner.MagnitudePruner(
                small,
                example[0],
                importance,
                pruning_ratio=min(asked, 0.95),
                ignored_layers=[modules[name] for name in heads],
            )
            pruner.step()
            outputs(small, example)
        except Exception as error:  # the table says what happened
            return None, None, f"{type(error).__name__}: {str(error)[:40]}"
        reached = 1 - total_parameters(small) / total
        if best is None or abs(reached - ratio) < abs(best[0] - ratio):
            best = reached, small
        if reached >= ratio:
            break
    return (*best, "")


def row(name, method, ratio, torch_pruning):
    model = zoo.build(name)
    graph = trace(model)
    masked, physical, _, said = ours(model, method, ratio, False)
    both, small_ratio, small, coupled_said = ours(model, method, ratio, True)
    their_ratio, their, their_said = (None, None, "")
    if torch_pruning and graph.traced:
        their_ratio, their, their_said = theirs(model, method, ratio, graph.example, graph.heads)
    found = [each for each in (small, their) if each is not None]
    times = shares(model, found, graph.example) if graph.traced and found else []
    shown = iter(times)
    ours_time = next(shown) if small is not None else None
    their_time = next(shown) if their is not None else None
    cells = [
        f"{total_parameters(model) / 1e6:.2f}",
        cell(masked, said),
        cell(physical, said and "–"),
        cell(both, coupled_said),
    ]
    cells += [
        cell(small_ratio, coupled_said and "–"),
        cell(ours_time, "–"),
        cell(their_ratio, their_said or "–"),
        cell(their_time, "–"),
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def cell(value, said=""):
    return (
        (said or "–").replace("|", "/")
        if value is None
        else f"{value:.2f}" + (f" ({said})" if said and said != "–" else "")
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--ratio", type=float, default=0.5)
    arguments.add_argument("--method", default="ft")
    arguments.add_argument("--no-torch-pruning", action="store_true")
    chosen = arguments.parse_args()
    warnings.simplefilter("ignore")
    print(
        "| network | M params | masked | physical | coupled: masked | physical | latency "
        "| Torch-Pruning: physical | latency |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in chosen.names or zoo.NETWORKS:
        try:
            print(row(name, chosen.method, chosen.ratio, not chosen.no_torch_pruning), flush=True)
        except Exception as error:  # one network is one row
            print(f"| {name} | {type(error).__name__}: {str(error)[:80]} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
