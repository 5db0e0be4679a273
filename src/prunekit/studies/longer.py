"""Controls for longer training, from stored outcomes: unpruned parents with extra training. No torch.

Controls of one family differ only in their epochs. A pruned network is compared with the control from its own parent
that was retrained for as many epochs in all; a family of one length is compared with every network.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from prunekit.analysis.curves import ResampledCurve, grouped, resample
from prunekit.analysis.longer import Trained, Training, longer_errors, longer_potentials, longer_rises
from prunekit.analysis.rows import Row
from prunekit.analysis.variant import BEFORE, settings_of
from prunekit.analysis.verdict import Margin
from prunekit.params import UNTRAINED_MODES, ErrorParams, ReportParams
from prunekit.store.records import ModelRecord, Step
from prunekit.store.store import Store
from prunekit.studies import outcomes as stored
from prunekit.studies.variants import Standing, standings


def longer_findings(
    store: Store, errors: Iterable[ErrorParams], settings: ReportParams, margin: Margin
) -> list[Row]:
    """Errors of the controls, rises over them, and potentials against each; empty if no parent was trained again."""
    errors = list(errors)
    records = {step.model: store.record(step.model) for step in errors if store.has(step.key)}
    placed = standings(records.values())
    training = {key: _trained(record, placed[key]) for key, record in records.items()}
    rows = longer_errors(_resampled(store, errors, settings, _its_parent), training)
    for family in _families(records, placed, training):
        curves = _renumbered(
            [
                _resampled(store, errors, settings, _to(family, training, place))
                for place in range(family.most)
            ]
        )
        rows += longer_rises(curves, training, margin=margin)
        rows += longer_potentials(curves, training, margin=margin)
    return rows


def _trained(record: ModelRecord, places: Sequence[Standing]) -> Trained:
    rounds = [_epochs(step, record.root) for step in record.lineage if step.kind == "retrain"]
    known = [each for each in rounds if each is not None]
    return Trained(places[0].variant.id, tuple(known) if len(known) == len(rounds) else None)


def _epochs(retrain: Step, root: Step) -> int | None:
    """How many epochs a retraining ran: as many as the root's training unless it says otherwise."""
    mode = retrain.params.get("mode")
    if mode in UNTRAINED_MODES:
        return 0
    epochs = retrain.params.get("epochs") or getattr(root.read(), "epochs", None)
    begun = root.params.get("keep_epoch") or 0 if mode == "weight-rewind" else 0
    return None if epochs is None else int(str(epochs)) - int(str(begun))


class _Control(NamedTuple):
    key: str
    root: str
    trained: Trained


class _Family(NamedTuple):
    """Controls that differ only in their epochs."""

    controls: tuple[_Control, ...]

    @property
    def most(self) -> int:
        """The largest number of repetitions of one control."""
        return max(map(len, grouped(self.controls, lambda each: each[1:]).values()))

    def of(self, root: str, pruned: Trained) -> list[str]:
        """Repetitions of the control for a network of this parent: trained as long, if possible in as many rounds."""
        own = [each for each in self.controls if each.root == root]
        if len({each.trained.epochs for each in self.controls}) > 1:
            own = [each for each in own if each.trained.epochs == pruned.epochs]
        ways = grouped(own, lambda each: each.trained.rounds)
        best = ways.get(pruned.rounds) or max(ways.values(), key=_rounds, default=[])
        return [each.key for each in best]


def _rounds(controls: Sequence[_Control]) -> int:
    return len(controls[0].trained.rounds or ())


def _families(
    records: Mapping[str, ModelRecord], placed: Mapping[str, tuple[Standing, ...]], training: Training
) -> list[_Family]:
    longer = {key: record for key, record in records.items() if stored.is_longer(record)}
    families = grouped(longer, lambda key: _alike(longer[key], placed[key][0])).values()
    return [
        _Family(tuple(_Control(key, longer[key].root.key, training[key]) for key in keys))
        for keys in families
    ]


def _alike(record: ModelRecord, place: Standing) -> Hashable:
    """What a control shares with those that differ from it only in epochs."""
    rounds = dict.fromkeys(settings_of(_but_epochs(step)) for step in record.lineage[1:])
    settings = tuple(each for each in place.variant.settings if each[0] != BEFORE)
    return place.variant._replace(retrain_epochs=None, settings=settings), tuple(rounds)


def _but_epochs(step: Step) -> dict[str, object]:
    return {name: value for name, value in step.params.items() if name not in ("parent", "epochs", "seed")}


def _its_parent(record: ModelRecord) -> str | None:
    return record.root.key if stored.is_longer(record) else None


def _to(family: _Family, training: Training, place: int) -> stored.To:
    """Compare each pruned network with the control at this place among its repetitions."""

    def control(record: ModelRecord) -> str | None:
        if not stored.is_descendant(record):
            return None
        found = family.of(record.root.key, training[record.key])
        return found[place] if place < len(found) else None

    return control


def _resampled(
    store: Store, errors: Sequence[ErrorParams], settings: ReportParams, to: stored.To
) -> list[ResampledCurve]:
    found = stored.curves(store, stored.measured(store, errors, to), top_k=settings.top_k, by_rung=True)
    return resample(found, resamples=settings.resamples, seed=settings.seed)


def _renumbered(by_control: Sequence[list[ResampledCurve]]) -> list[ResampledCurve]:
    """All curves; those of one network against several controls become repetitions."""
    placed = [(place, curve) for place, curves in enumerate(by_control) for curve in curves]
    places = {
        name: number
        for number, name in enumerate(grouped(placed, lambda each: (each[0], each[1].repetition)))
    }
    return [curve._replace(repetition=places[place, curve.repetition]) for place, curve in placed]
