"""Prune a stored network and store the result, with the error before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from prunekit.data.normalise import Normaliser
from prunekit.errors import UsageError
from prunekit.params import PruneParams
from prunekit.pruning.api import prune, sample_size
from prunekit.pruning.masks import Masks, apply_, total_parameters, write_
from prunekit.pruning.methods import chosen
from prunekit.pruning.repair import repair
from prunekit.pruning.shrink import shrink
from prunekit.steps.context import Context, Loaded, TrainingData, load_module, save, training_data

SAMPLE_BATCH = 64


def run(batch: Sequence[PruneParams], context: Context) -> None:
    """Prune every network of the batch."""
    for params in batch:
        parent = load_module(context, params.parent)
        method = chosen(params.method, dict(params.options))
        fits = params.repair or method.updates
        sample = list(_sample(context, params, parent)) if method.looks_at_data or fits else []
        with context.progress.bar("pruning", 1, "networks") as bar:
            masks = prune(
                parent.model,
                method=params.method,
                prune_ratio=params.prune_ratio,
                batches=sample,
                masks=parent.masks or None,
                skip_layers=params.skip_layers,
                seed=params.seed,
                total=parent.record.parameters,
                example=_example(parent),
                coupled=params.coupled,
                target=params.target,
                round_to=params.round_to,
                max_layer_ratio=params.max_layer_ratio,
                layer_ratios=_shares(params.layer_ratio),
                options=method.options,
            )
            values = repair(parent.model, masks=masks, batches=sample) if fits else {}
            bar.advance()
        physical = _physical(parent, masks)
        apply_(parent.model, masks)
        write_(parent.model, values)
        save(
            context,
            params,
            parent.model,
            opened=parent.dataset,
            masks=masks,
            ancestors=parent.record.lineage,
            parameters=parent.record.parameters,
            results={"asked": params.prune_ratio, "error_before": parent.record.error} | physical,
        )


def _shares(given: Sequence[str]) -> dict[str, float]:
    """``NAME=SHARE`` by name; anything else is a :class:`UsageError`."""
    found = {}
    for text in given:
        name, equals, share = text.rpartition("=")
        try:
            found[name] = float(share)
        except ValueError:
            equals = ""
        if not equals or not 0 <= found[name] < 1:
            raise UsageError(
                f"layer_ratio {text!r} must be NAME=SHARE with a share in [0, 1), such as conv1=0.3"
            )
    return found


def _example(parent: Loaded) -> Tensor:
    """Two images of the network's input size, for the forward pass that traces it."""
    device = next(parent.model.parameters()).device
    draws = torch.Generator().manual_seed(0)
    return torch.randn(2, parent.dataset.planes, *parent.dataset.size, generator=draws).to(device)


def _physical(parent: Loaded, masks: Masks) -> dict[str, float]:
    """The share of parameters removed with the dead channels; empty if they cannot be removed."""
    try:
        smaller = shrink(parent.model, masks, example=_example(parent))
    except UsageError:
        return {}
    return {"physical_ratio": 1 - total_parameters(smaller) / parent.record.parameters}


def _sample(context: Context, params: PruneParams, parent: Loaded) -> Iterator[tuple[Tensor, Tensor]]:
    """S: held-out images of the training side, the same for every method of a lineage (docs/methods.md)."""
    root = parent.record.root_params
    data = training_data(context, root, parent.dataset)
    pool = data.valid if len(data.valid) else data.train
    wanted = params.sample_size or min(
        sample_size(parent.model, (data.dataset.planes, *data.dataset.size)), -(-len(pool) // 2)
    )
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(root.seed))
    for indices in torch.split(order[: min(wanted, len(pool))], SAMPLE_BATCH):
        yield _normalised(pool.take(indices), data, context.device)


def _normalised(taken: tuple[Tensor, Tensor], data: TrainingData, device: str) -> tuple[Tensor, Tensor]:
    images, labels = taken
    return Normaliser(data.dataset, device)(images), labels.to(device)
