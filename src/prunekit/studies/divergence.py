"""The divergence of two networks' outputs, from imported scores or a stored comparison. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prunekit.analysis.divergence import mean_divergence
from prunekit.analysis.outcome import Array
from prunekit.distribution import parse
from prunekit.params import ErrorParams, NoiseParams
from prunekit.steps.predicted import log_probabilities_in
from prunekit.store.records import PREDICTIONS
from prunekit.store.store import Store
from prunekit.tasks import DEFAULT

# A network and a distribution.
Place = tuple[str, str]


def comparisons_for(store: Store, parent: str, errors: Iterable[ErrorParams]) -> list[NoiseParams]:
    """The steps that measure the divergence of outputs from the parent's on all images, without noise.

    There are none for a network known only by its predictions, for noisy distributions, for a subset of the classes,
    or for segmentation.
    """
    found = []
    for params in errors:
        summary = store.measurement(params.key).summary
        runs = PREDICTIONS not in (store.record(params.model).form, store.record(parent).form)
        plain = parse(params.distribution).noise is None and "among" not in summary
        if params.model != parent and runs and plain and summary.get("task", DEFAULT) == DEFAULT:
            fields = {"model": params.model, "to": parent, "distribution": params.distribution}
            found.append(NoiseParams.read(fields | {"images": summary["n"], "draws": 1, "levels": [0.0]}))
    return found


def divergences(store: Store, parent: str, errors: Sequence[ErrorParams]) -> dict[Place, float]:
    """Mean divergence from the parent's outputs, in nats, by network and distribution, where it is stored.

    Computed from scores imported for all examples, else from the stored comparison with the most images.
    """
    held = {(params.model, params.distribution): params for params in errors if store.has(params.key)}
    wanted = {place for place in held if place[0] != parent and (parent, place[1]) in held}
    found = dict(_of_scores(store, parent, held, wanted))
    for place, step in _stored(store, parent, wanted - found.keys()).items():
        found[place] = float(store.outcomes(step.key)["kl"][step.levels.index(0.0)].mean())
    return found


def _of_scores(
    store: Store, parent: str, held: dict[Place, ErrorParams], wanted: Iterable[Place]
) -> Iterator[tuple[Place, float]]:
    references: dict[str, Array | None] = {}
    for place in wanted:
        name = place[1]
        if name not in references:
            references[name] = log_probabilities_in(store, held[parent, name].key)
        reference = references[name]
        own = log_probabilities_in(store, held[place].key) if reference is not None else None
        if own is not None and reference is not None:
            yield place, mean_divergence(own, reference)


def _stored(store: Store, parent: str, wanted: set[Place]) -> dict[Place, NoiseParams]:
    """The stored comparisons with the parent whose first level is without noise."""
    found: dict[Place, NoiseParams] = {}
    keys = store.keys("measurements") if wanted else []
    for key in keys:
        step = store.measurement(key).step.read() if key.startswith(f"{NoiseParams.kind}-") else None
        if isinstance(step, NoiseParams) and step.to == parent and 0.0 in step.levels:
            place = (step.model, step.distribution or str(store.record(parent).param("dataset")))
            if place in wanted and (place not in found or step.images > found[place].images):
                found[place] = step
    return found
