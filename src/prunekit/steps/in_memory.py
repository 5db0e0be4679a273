"""Networks outside the store: any module or callable, on distributions by name or on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from prunekit.base.arithmetic import exact
from prunekit.data.datasets import Dataset
from prunekit.data.predictions.outcomes import Array, Predictions, Scores, checked
from prunekit.data.predictions.outcomes import outcomes as outcomes_of
from prunekit.data.preprocessing import Preprocessing
from prunekit.data.sets import expand
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.measure.batches import frozen_copy
from prunekit.measure.outcomes import outcomes
from prunekit.models.predictors.base import Called, as_logits
from prunekit.params import Seeing
from prunekit.steps.classes import known_classes, seen_with
from prunekit.steps.context import dataset, examples, view_of
from prunekit.steps.predicted import MOST_SCORES
from prunekit.tasks import DEFAULT

Model = nn.Module | Callable[[Any], Any]
# Inputs and labels by the name of a distribution.
Arrays = Mapping[str, tuple[Any, Any]]
AT_ONCE = 256


class Measured(NamedTuple):
    """One network's results: outcomes by distribution, class names if known, and nonzero weights.

    ``nonzero`` is the number of its nonzero parameters; None for a callable, which has none to count. ``scores`` are
    its logits ``[n, classes]`` by distribution, for a classifier evaluated on all of its classes, unless they are
    too many to keep.
    """

    outcomes: dict[str, dict[str, Array]]
    classes: tuple[str, ...]
    nonzero: int | None
    scores: dict[str, Array]


class On(NamedTuple):
    """A network's outcomes on one distribution, and its logits if they are kept."""

    outcomes: dict[str, Array]
    scores: Array | None


def measure(
    model: Model,
    distributions: Sequence[str] | Arrays,
    *,
    seen: Mapping[str, Any],
    data: Path,
    device: str = "cpu",
    seed: int = 0,
) -> Measured:
    """Outcomes of every distribution, in the order of its examples; ``seen`` are fields of :class:`Seeing`.

    Names are distributions or named sets of one data set; arrays go to the network unchanged.
    :class:`UsageError`: not a network, no distributions, or outputs that are not logits.
    """
    if not callable(model):
        raise UsageError(f"{model!r} is not a network: pass an nn.Module or a function from images to logits")
    if not distributions:
        raise UsageError("name at least one distribution, or pass arrays: {name: (inputs, labels)}")
    module = model if isinstance(model, nn.Module) else Called(model)
    nonzero = (
        sum(int(each.count_nonzero()) for each in model.parameters())
        if isinstance(model, nn.Module)
        else None
    )
    if isinstance(distributions, Mapping):
        if seen:
            raise UsageError(f"{next(iter(seen))}: arrays are passed to the network unchanged")
        held = {name: _answers(module, name, *pair, device) for name, pair in distributions.items()}
        return _measured(held, (), nonzero)
    names = _names(distributions)
    nominal = _nominal(names[0])
    own = dataset(nominal, data)
    opened = seen_with(own, Preprocessing.of(own), Seeing.read(dict(seen)))
    found = {
        str(parse(each)): _on(module, each, opened, data, device, seed)
        for name in names
        for each in expand(name, nominal)
    }
    return _measured(found, opened.classes, nonzero)


def _measured(found: Mapping[str, On], classes: tuple[str, ...], nonzero: int | None) -> Measured:
    outcomes = {name: each.outcomes for name, each in found.items()}
    scores = {name: each.scores for name, each in found.items() if each.scores is not None}
    return Measured(outcomes, classes, nonzero, scores)


def _names(distributions: str | Sequence[str]) -> list[str]:
    names = [distributions] if isinstance(distributions, str) else list(distributions)
    for each in names:
        if not isinstance(each, str):
            raise UsageError(
                f"{each!r} is not a distribution: pass names, or arrays as {{name: (inputs, labels)}}"
            )
    return names


def _nominal(name: str) -> str:
    if name.startswith("@"):
        raise UsageError(f'name a data set before the set {name}: ["cifar10", {name!r}]')
    return parse(name).dataset


def _on(module: nn.Module, name: str, opened: Dataset, data: Path, device: str, seed: int) -> On:
    shift = parse(name)
    plain = str(shift._replace(noise=None))
    images = examples(plain, data, seed, view=view_of(opened))
    among = known_classes(name, opened, data)
    keeps = among is None and opened.task == DEFAULT and len(images) * len(opened.classes) <= MOST_SCORES
    logits: list[Tensor] = []
    found = outcomes(
        module,
        images,
        dataset=opened,
        noise=shift.noise,
        classes=among,
        kept=logits if keeps else None,
        seed=seed,
        device=device,
    )
    return On(found, torch.cat(logits).numpy() if logits else None)


@exact()
@torch.inference_mode()
def _answers(module: nn.Module, name: str, inputs: Any, labels: Any, device: str) -> On:
    """Outcomes on arrays: inputs ``[n, ...]`` as the network takes them, labels ``[n]``."""
    tensor, frozen = torch.as_tensor(inputs), frozen_copy(module, device)
    if len(tensor) != len(labels):
        raise UsageError(f"{name}: {len(tensor)} inputs for {len(labels)} labels")
    if not len(tensor):
        raise UsageError(f"{name} holds no examples")
    tensor = _as_precise(tensor, frozen)
    try:
        parts = [as_logits(frozen(part.to(device)), len(part)).cpu() for part in torch.split(tensor, AT_ONCE)]
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        what = f"inputs of type {str(tensor.dtype).removeprefix('torch.')} and shape {list(tensor.shape)}"
        raise UsageError(f"{name}: the network fails on {what}: {error}") from error
    logits = torch.cat(parts).numpy()
    known = Predictions(np.asarray(labels, dtype=np.int64), logits, Scores.LOGITS)
    found = outcomes_of(checked(known, name))
    return On(found, logits if logits.size <= MOST_SCORES else None)


def _as_precise(tensor: Tensor, module: nn.Module) -> Tensor:
    """Floats in the network's precision (NumPy's are float64); other types unchanged."""
    own = next((each.dtype for each in module.parameters() if each.is_floating_point()), None)
    return tensor.to(own) if own is not None and tensor.is_floating_point() else tensor
