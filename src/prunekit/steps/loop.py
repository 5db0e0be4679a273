"""What training and retraining share: the training loop on a lineage's data, and the stored result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

from torch import nn
from torch.nn.parameter import is_lazy

from prunekit.base import files
from prunekit.data.datasets import Dataset
from prunekit.params import Params, Root
from prunekit.pruning.compact import lean
from prunekit.steps.context import Context, TrainingData, epoch_images, save, training_data, valid_error
from prunekit.steps.versions import code_of
from prunekit.store.records import Step
from prunekit.training.checkpoint import Checkpoint
from prunekit.training.loop import FitResult


def stored_bytes(model: nn.Module) -> int:
    """Bytes of a network's weights and buffers; uninitialised lazy ones count as 0."""
    tensors = (tensor for tensor in model.state_dict().values() if not is_lazy(tensor))
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class Loop(NamedTuple):
    """One step's training: its data, and the place of its checkpoint."""

    context: Context
    params: Params
    root: Root
    data: TrainingData
    checkpoint: Checkpoint

    @classmethod
    def of(cls, context: Context, params: Params, root: Root, opened: Dataset) -> Self:
        """The training of a step of the lineage of ``root``, on ``opened`` (its data as the network sees them)."""
        made_of = json.dumps([opened.contents, code_of([Step.of(root)])], sort_keys=True)
        place = context.store.checkpoint(params.key)
        checkpoint = Checkpoint(place, anew=params.key in context.force, made_of=made_of)
        return cls(context, params, root, training_data(context, root, opened), checkpoint)

    def run(self, train: Callable[..., FitResult], model: nn.Module, **how: Any) -> FitResult:
        """Train ``model`` in place by ``fit`` or ``retrain``; ``how`` are their arguments.

        Raises a :class:`PrunekitError` before training if the store's disk has no space for the result.
        """
        results = 1 if self.params.inputs or self.root.kept_epoch is None else 2
        files.check_place(self.context.store.root, "the network", wanted=results * stored_bytes(model))
        return train(
            model,
            self.data.train,
            dataset=self.data.dataset,
            device=self.context.device,
            checkpoint=self.checkpoint,
            epoch_images=epoch_images(self.root, self.data),
            progress=self.context.progress,
            **how,
        )

    def store(
        self, model: nn.Module, result: FitResult, *, results: Mapping[str, Any] | None = None, **lineage: Any
    ) -> None:
        """Store the trained network (``lineage``: arguments of :func:`save`) and discard the checkpoint."""
        found = {
            "loss": result.losses[-1] if result.losses else None,
            "valid_error": valid_error(self.context, lean(model, lineage.get("masks") or {}), self.data),
        }
        if result.compact is not None:
            found["trained_parameters"] = result.compact
        save(
            self.context,
            self.params,
            model,
            opened=self.data.dataset,
            results=found | dict(results or {}),
            **lineage,
        )
        self.checkpoint.discard()
