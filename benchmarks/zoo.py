"""Every network of the zoo pruned to one ratio, alone, coupled, and by Torch-Pruning: the table of the docs.

    python benchmarks/zoo.py [--ratio 0.5] [--methods ft,l2] [--ratios-only] [--write docs/methods.md] [NAME ...]

Ratios are of parameters: masked, and physical after shrinking. Latencies are medians of alternating passes of the dense
and the smaller networks in this process, as shares of the dense one's. Torch-Pruning 1.6 (``pip install
torch-pruning``) is given the same example and the classifier to ignore: its magnitude importance (p=1 for ft, 2 for
l2) with global_pruning off; for taylor-filter its Taylor importance of the same loss with global_pruning on. What it
is asked for is bisected until its parameters are nearest to the ratio. ``--ratios-only``: coupled pruning alone, no
latencies, and a line per method that counts the networks within two points of the ratio. ``--write``: the rows also
replace those of the same networks in the page's table, or join it; the page's count of networks is renewed.
"""

from __future__ import annotations

import argparse
import copy
import re
import sys
import time
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

import zoo
from prunekit.pruning.api import prune
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.guards import alike, outputs
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters
from prunekit.pruning.methods import METHODS
from prunekit.pruning.shrink import shrink

REPEATS = 5
NEAR = 0.02
TRIES = 9


def latency(model, example):
    start = time.process_time()  # on one thread; others may use the machine meanwhile
    outputs(model, example)
    return time.process_time() - start


def shares(dense, smaller, example):
    """The median latency of each smaller network, as a share of the dense one's, in alternating passes."""
    models = [dense, *smaller]
    times = [[latency(model, example) for model in models] for _ in range(REPEATS + 1)][1:]
    medians = [sorted(each)[REPEATS // 2] for each in zip(*times, strict=True)]
    return [each / medians[0] for each in medians[1:]]


def sample(model, method, graph):
    """The example with labels for methods that look at the loss; None where the network makes no logits."""
    if not METHODS[method].needs_labels:
        return []
    inputs = graph.example[0] if graph.traced else None
    if not isinstance(inputs, torch.Tensor) or outputs(model, graph.example)[0].dim() != 2:
        return None
    return [(inputs, torch.zeros(len(inputs), dtype=torch.int64))]


def ours(model, method, ratio, coupled, batches=()):
    """(masked ratio, physical ratio, smaller network) or what was said."""
    total = total_parameters(model)
    try:
        masks = prune(model, method=method, prune_ratio=ratio, coupled=coupled, batches=batches)
        masked, small = prune_ratio(masks, total), shrink(model, masks)
    except Exception as error:  # the table says what happened
        return None, None, None, f"{type(error).__name__}: {str(error)[:60]}"
    whole = copy.deepcopy(model)
    apply_(whole, masks)
    example = trace(whole).example
    same = alike(outputs(whole, example), outputs(small, example), 1e-4)
    return masked, 1 - total_parameters(small) / total, small, "" if same else "logits differ"


def their_importance(model, method, example):
    import torch_pruning as tp

    if not METHODS[method].needs_labels:
        return tp.importance.MagnitudeImportance(p=1 if method == "ft" else 2)
    F.cross_entropy(model(*example), torch.zeros(len(example[0]), dtype=torch.int64)).backward()
    return tp.importance.TaylorImportance()


def theirs(model, method, ratio, example, heads):
    """(physical ratio, smaller network) of Torch-Pruning, or what it said."""
    import torch_pruning as tp

    total = total_parameters(model)
    best, low, high = None, 0.0, 1.0
    for _ in range(TRIES):
        asked = (low + high) / 2
        small = copy.deepcopy(model)
        modules = dict(small.named_modules())
        try:
            pruner = tp.pruner.MagnitudePruner(
                small,
                example[0],
                their_importance(small, method, example),
                global_pruning=METHODS[method].scope == "global",
                pruning_ratio=asked,
                ignored_layers=[modules[name] for name in heads],
            )
            pruner.step()
            outputs(small, example)
        except Exception as error:  # the table says what happened
            return None, None, f"{type(error).__name__}: {str(error)[:40]}"
        reached = 1 - total_parameters(small) / total
        if best is None or abs(reached - ratio) < abs(best[0] - ratio):
            best = reached, small
        low, high = (asked, high) if reached < ratio else (low, asked)
        if abs(best[0] - ratio) <= NEAR / 4:
            break
    return (*best, "")


def ratios(name, methods, ratio, torch_pruning, near):
    """A row of physical ratios alone; ``near``, by method and tool, counts (networks within two points, networks)."""
    model = zoo.build(name)
    graph = trace(model)
    cells = [f"{total_parameters(model) / 1e6:.2f}"]
    for method in methods:
        batches = sample(model, method, graph)
        if batches is None:
            cells += ["–"] * (1 + torch_pruning)
            continue
        _, reached, _, said = ours(model, method, ratio, True, batches)
        found = [("prunekit", reached, said)]
        if torch_pruning and graph.traced:
            reached, _, said = theirs(model, method, ratio, graph.example, graph.heads)
            found.append(("Torch-Pruning", reached, said))
        for tool, reached, said in found:
            fine = not said and abs(reached - ratio) <= NEAR + 1e-9
            hits, networks = near.get((method, tool), (0, 0))
            near[method, tool] = hits + fine, networks + 1
            cells.append(cell(reached, said))
    return f"| {name} | " + " | ".join(cells) + " |"


def row(name, method, ratio, torch_pruning):
    model = zoo.build(name)
    graph = trace(model)
    batches = sample(model, method, graph) or []
    masked, physical, _, said = ours(model, method, ratio, False, batches)
    both, small_ratio, small, coupled_said = ours(model, method, ratio, True, batches)
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
    arguments.add_argument("--methods", type=lambda names: names.split(","), default=["ft"])
    arguments.add_argument("--ratios-only", action="store_true")
    arguments.add_argument("--no-torch-pruning", action="store_true")
    arguments.add_argument("--write", type=Path)
    chosen = arguments.parse_args()
    warnings.simplefilter("ignore")
    near = {}
    print(header(chosen))
    for name in chosen.names or zoo.NETWORKS:
        try:
            for line in lines(name, chosen, near):
                print(line, flush=True)
                if chosen.write and not chosen.ratios_only:
                    chosen.write.write_text(renewed(chosen.write.read_text(), line, chosen.ratio))
        except Exception as error:  # one network is one row
            print(f"| {name} | {type(error).__name__}: {str(error)[:80]} |", flush=True)
    for (method, tool), (hits, networks) in near.items():
        print(f"{tool}, {method}: {hits} of {networks} within {NEAR} of {chosen.ratio}")


def renewed(page, line, ratio):
    """The page with this row in the zoo's table, in order, and with the number of networks near the ratio."""
    place = {name: at for at, name in enumerate(sorted(zoo.NETWORKS))}
    head, rest = page.split("Torch-Pruning: physical | latency |\n", 1)
    rule, *lines = rest.split("\n")
    table = lines[: next(at for at, text in enumerate(lines) if not text.startswith("|"))]
    rows = {row.split("|")[1].strip(): row for row in [*table, shown(line)]}
    after = [rows[name] for name in sorted(rows, key=lambda name: place.get(name, len(place)))]
    near = sum(close(row.split("|")[6].strip(), ratio) for row in after)
    head = re.sub(r"\d+ of the \d+ networks", f"{near} of the {len(after)} networks", head)
    joined = "\n".join([rule, *after, *lines[len(table) :]])
    return f"{head}Torch-Pruning: physical | latency |\n{joined}"


def close(cell, ratio):
    return cell != "–" and abs(float(cell.partition(" ")[0]) - ratio) <= NEAR + 1e-9


def shown(line):
    """The row as the page shows it: what was said becomes one of two words."""
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    cells = ["out of reach" if cell.startswith("UsageError") else cell for cell in cells]
    return "| " + " | ".join("fails" if "Error:" in cell else cell for cell in cells) + " |"


def header(chosen):
    names = ["network", "M params", "masked", "physical", "coupled: masked", "physical", "latency"]
    names += ["Torch-Pruning: physical", "latency"]
    if chosen.ratios_only:
        tools = ["", *([] if chosen.no_torch_pruning else [", Torch-Pruning"])]
        names = [*names[:2], *(f"`{method}`{tool}" for method in chosen.methods for tool in tools)]
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def lines(name, chosen, near):
    """The rows of one network: one, or one per method."""
    if chosen.ratios_only:
        return [ratios(name, chosen.methods, chosen.ratio, not chosen.no_torch_pruning, near)]
    return [row(name, method, chosen.ratio, not chosen.no_torch_pruning) for method in chosen.methods]


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
