"""Whether any network of timm's and torchvision's lists ends in a traceback, on a sample of them.

    python benchmarks/sweep.py [--networks 40] [--seed 0] [--most-parameters 12e6] [NAME ...]

Each drawn network that builds without a download and is small enough is pruned weight by weight, filter by filter and
coupled, and shrunk. It ends with a ratio or with one line that says what cannot be done; anything else is a failure,
and the exit status is 1. NAME: such as ``timm:resnet18``, in place of a draw.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
import warnings

import timm
import torch
import torchvision

from prunekit.errors import UsageError
from prunekit.pruning.api import prune
from prunekit.pruning.masks import prune_ratio, total_parameters
from prunekit.pruning.shrink import shrink

SIDES = (64, 128, 224, 256)
WAYS = (("wt", False), ("ft", False), ("ft", True), ("l2", True))


def built(name):
    """The network of this name with random weights, in evaluation mode."""
    library, _, inner = name.partition(":")
    if library == "timm":
        return timm.create_model(inner, pretrained=False, num_classes=10).eval()
    more = (
        {"weights_backbone": None}
        if inner in torchvision.models.list_models(torchvision.models.segmentation)
        else {}
    )
    return torchvision.models.get_model(inner, weights=None, **more).eval()


def size_of(name):
    """Parameters, without memory for them; None where the network does not build."""
    try:
        with torch.device("meta"):
            return total_parameters(built(name))
    except Exception:  # some need files, packages or real tensors
        return None


def drawn(chosen):
    """Names in a seeded order, those that build and are small enough, until there are as many as asked for."""
    names = [f"timm:{name}" for name in timm.list_models()]
    names += [f"tv:{name}" for name in torchvision.models.list_models()]
    random.Random(chosen.seed).shuffle(names)
    left = chosen.networks
    for name in names:
        size = size_of(name) if left else None
        if size is not None and size <= chosen.most_parameters:
            left -= 1
            yield name


def example_of(model):
    """Two images of the smallest size that the network takes; None where it takes none of these."""
    torch.manual_seed(0)
    for side in SIDES:
        image = torch.randn(2, 3, side, side)
        try:
            with torch.no_grad():
                model(image)
        except Exception:
            continue
        return image
    return None


def way(model, method, coupled, example):
    """The ratio reached, and after shrinking; or what was said, or where it broke."""
    total = total_parameters(model)
    try:
        masks = prune(model, method=method, prune_ratio=0.5, coupled=coupled, example=example)
        found = f"{prune_ratio(masks, total):.2f}"
        if method != "wt":
            smaller = shrink(model, masks, example=example)
            found += f" {1 - total_parameters(smaller) / total:.2f}"
        return found, True
    except UsageError as error:
        return f"refused: {error}", "\n" not in str(error)
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}", False


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--networks", type=int, default=40)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--most-parameters", type=float, default=12e6)
    chosen = arguments.parse_args()
    warnings.simplefilter("ignore")
    failed = 0
    for name in chosen.names or drawn(chosen):
        torch.manual_seed(0)
        model, started = built(name), time.process_time()
        example = example_of(model)
        if example is None:
            print(f"{name}: takes no images of {SIDES} pixels", flush=True)
            continue
        cells = []
        for method, coupled in WAYS:
            said, fine = way(model, method, coupled, example)
            failed += not fine
            cells.append(f"{method}{' coupled' if coupled else ''}: {said}")
        seconds = time.process_time() - started
        print(f"{name} ({seconds:.0f} s): " + "; ".join(cells), flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
