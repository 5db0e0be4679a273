"""No row of any finding mixes two variants: a study of two networks that differ in one thing, all findings of it."""

import numpy as np
import pytest

from prunekit.analysis.labels import labelled
from prunekit.errors import UsageError
from prunekit.params import (
    ErrorParams,
    FeaturesParams,
    NoiseParams,
    PruneParams,
    ReportParams,
    RetrainParams,
    TrainParams,
    TransferParams,
)
from prunekit.store.records import MeasurementRecord, Step
from prunekit.studies.choose import comparisons, errors_of, outcomes_for_churn, taken
from prunekit.studies.findings import all_findings, hidden_findings

SETTINGS = ReportParams(margin=0.1, resamples=100)
# What the root, the pruning and the retraining of the other network are made with.
DIFFERENCES = {
    "epochs of the parent": ({"epochs": 12}, {}, {}),
    "learning rate": ({"lr": 0.05}, {}, {}),
    "training distribution": ({"train_distribution": "digits+mix1"}, {}, {}),
    "architecture": ({"arch": "resnet14"}, {}, {}),
    "data set": ({"dataset": "cifar10"}, {}, {}),
    "method": ({}, {"method": "ft"}, {}),
    "option of the method": ({}, {"sample_size": 64}, {}),
    "mode": ({}, {}, {"mode": "fine-tune"}),
    "epochs of the retraining": ({}, {}, {"epochs": 3}),
}

COMPARING = ("claim", "contrast", "robust-gain", "method-difference", "chance-of-best")


class Networks:
    """A study of networks whose outcomes are drawn, each with a parent, a longer trained and a separate network."""

    def __init__(self, study):
        self.study, self.steps = study, []
        self.rng = np.random.default_rng(0)

    def root(self, seed=0, **fields):
        return self.study.model(
            TrainParams(**({"arch": "resnet8", "dataset": "digits", "seed": seed} | fields))
        )

    def pruned(self, parent, ratio=0.5, prune=(), retrain=()):
        step = PruneParams(parent=parent.key, **({"method": "wt", "prune_ratio": ratio} | dict(prune)))
        first = self.study.model(step, parent.lineage, round(100 * (1 - ratio)))
        return self.study.model(RetrainParams(parent=step.key, **dict(retrain)), first.lineage, first.nonzero)

    def measure(self, record, *others):
        """Errors, noise and features of a network and what it is compared with."""
        dataset = record.param("dataset")
        for each in (record, *others):
            for name in (dataset, f"{dataset}+fog@3"):
                self.steps.append(self.study.outcome(each, name, int(self.rng.integers(2, 12))))
            self.save(FeaturesParams(model=each.key, images=4), {"order": np.zeros((4, 9), np.int16)})
            for other in (record, *others):
                source = FeaturesParams(model=each.key, images=4)
                shown = TransferParams(features=source.key, model=other.key, kept=(0.1,))
                self.save(shown, {"confidence": self.rng.random((4, 1))})
            if each is not others[0]:
                self.noise(each, others[0])

    def noise(self, record, to, images=40):
        names = ("agreement", "softmax_l2", "wrong", "reference_wrong")
        params = NoiseParams(model=record.key, to=to.key, images=images, draws=1, levels=(0.0, 0.5))
        self.save(params, {name: self.rng.random((2, images)) for name in names})
        return params

    def save(self, params, arrays):
        self.study.store.save_outcomes(MeasurementRecord(key=params.key, step=Step.of(params)), arrays)
        self.steps.append(params)

    def whole(self, root=(), prune=(), retrain=()):
        """A pruned network with its parent, a longer trained and a separate one, all measured."""
        parent, separate = self.root(**dict(root)), self.root(seed=1, **dict(root))
        pruned = self.pruned(parent, prune=prune, retrain=retrain)
        longer = self.study.model(RetrainParams(parent=parent.key, **dict(retrain)), parent.lineage)
        self.measure(pruned, parent, separate, longer)
        return {record.key for record in (parent, separate, pruned, longer)}


@pytest.fixture
def networks(study):
    return Networks(study)


@pytest.mark.parametrize("what", DIFFERENCES)
def test_no_row_of_any_finding_mixes_networks_that_differ_in_one_thing(networks, what):
    base, other = networks.whole(), networks.whole(*DIFFERENCES[what])
    rows = [
        row
        for row in all_findings(networks.study.store, networks.steps, SETTINGS)
        if row["finding"] not in COMPARING
    ]
    shared = base & other
    descended = {"prune-curve", "potential", "churn", "similarity", "features-transfer", "longer-potential"}
    for side in (base - shared, other - shared):
        own = [row for row in rows if set(row["models"]) & side]
        assert descended <= {row["finding"] for row in own}
        assert all(set(row["models"]) <= side | shared for row in own)
    pruned = {row["variant"] for row in rows if row["finding"] == "potential"}
    assert len(pruned) == 2
    for finding in {row["finding"] for row in rows if row["role"] == "pruned"}:
        assert {
            row["variant"] for row in rows if row["finding"] == finding and row["role"] == "pruned"
        } == pruned


def test_cascade_and_one_shot_are_two_curves(networks):
    parent = networks.root()
    first = networks.pruned(parent, 0.3)
    cascade, once = networks.pruned(first, 0.5), networks.pruned(parent, 0.5)
    networks.measure(first, parent)
    networks.measure(cascade, parent)
    networks.measure(once, parent)
    rows = all_findings(networks.study.store, networks.steps, SETTINGS)
    found = {
        row["cascade"]: row["models"] for row in rows if row["finding"] == "potential" and row["nominal"]
    }
    assert found == {True: [first.key, cascade.key], False: [first.key, once.key]}


def test_two_retrainings_of_one_parent_are_repetitions_in_every_finding(networks):
    parent, separate = networks.root(), networks.root(seed=1)
    pair = [networks.pruned(parent, retrain={"seed": seed}) for seed in (1, 3)]
    for each in pair:
        networks.measure(each, parent, separate)
    keys = {record.key for record in pair}
    rows = all_findings(networks.study.store, networks.steps, SETTINGS)
    for row in (row for row in rows if row.get("role") == "pruned" and keys & set(row["models"])):
        assert keys <= set(row["models"]), row["finding"]
        assert (row["seeds"], row["repetitions"]) == (1, 2)
        assert "one-seed" not in row["flags"]


def test_one_network_has_one_label_in_all_findings_and_it_says_what_differs(networks):
    networks.whole()
    networks.whole(*DIFFERENCES["mode"])
    rows = labelled(all_findings(networks.study.store, networks.steps, SETTINGS))
    labels = {}
    for row in rows:
        if row.get("role") in ("pruned", "longer"):
            labels.setdefault(row["variant"], set()).add(row["label"])
    assert sorted(map(tuple, labels.values())) == [
        ("longer, fine-tune",), ("longer, lr-rewind",), ("wt, fine-tune",), ("wt, lr-rewind",)
    ]  # fmt: skip


def test_networks_compared_with_one_other_are_all_in_the_output(networks):
    """Two separate networks, and two pruned ones of different parents, beside a third."""
    to, *roots = [networks.root(seed=seed) for seed in range(3)]
    named = [*roots, *(networks.pruned(root) for root in roots)]
    steps = comparisons(networks.study.store, [record.key for record in named], to.key, {})
    errors = [networks.study.outcome(record, "digits", 5) for record in (to, *named)]
    assert {step.key for step in outcomes_for_churn(networks.study.store, steps)} == {
        step.key for step in errors
    }
    against = {step.model: step.to for step in steps}
    rows = hidden_findings(
        networks.study.store, errors, SETTINGS, only=["churn"], to=lambda record: against.get(record.key)
    )
    assert sorted(key for row in rows for key in row["models"]) == sorted(record.key for record in named)


def test_a_named_network_that_nothing_is_compared_with_is_refused(networks):
    parent, separate = networks.root(), networks.root(seed=1)
    pruned = networks.pruned(parent)
    store = networks.study.store
    assert [step.model for step in comparisons(store, [parent.key, pruned.key], None, {})] == [pruned.key]
    with pytest.raises(UsageError, match=f"nothing to compare {separate.key} with"):
        comparisons(store, [pruned.key, separate.key], None, {})


def test_of_two_noise_measurements_the_larger_counts_and_that_is_said(networks):
    parent = networks.root()
    pruned = networks.pruned(parent)
    large, small = networks.noise(pruned, parent, 40), networks.noise(pruned, parent, 20)
    heard = []
    assert taken([large, small], SETTINGS, heard.append) == [large]
    assert heard[0].startswith(
        "1 noise comparisons are left out: for each pair of networks, the one with the most images"
    )
    rows = all_findings(networks.study.store, [large, small], SETTINGS, say=heard.append)
    assert {row["n"] for row in rows if row["finding"] == "similarity"} == {40}


def test_a_smaller_noise_measurement_counts_where_it_is_asked_for(networks):
    parent = networks.root()
    pruned, other = networks.pruned(parent), networks.pruned(parent, 0.8)
    noises = [
        networks.noise(pruned, parent, 40),
        networks.noise(pruned, parent, 20),
        networks.noise(other, parent, 40),
    ]
    heard, asked = [], SETTINGS.model_copy(update={"noise_images": 20})
    assert taken(noises, asked, heard.append) == noises[1:]
    assert heard == [
        "1 noise comparisons are left out: for each pair of networks, the one asked for is used (--noise-images and "
        "--noise-draws choose another)",
        f"1 networks have no such noise comparison ({other.key} ...): their largest one is used",
    ]
    rows = all_findings(networks.study.store, noises[:2], asked, say=heard.append)
    assert {row["n"] for row in rows if row["finding"] == "similarity"} == {20}
    with pytest.raises(UsageError, match="available: 20 images"):
        taken(noises, SETTINGS.model_copy(update={"noise_images": 30}), print)


def test_of_several_draws_of_errors_one_counts_and_that_is_said():
    models, name = ("train-0000000000000001", "prune-0000000000000002"), "digits+fog@3"
    first, second = (
        [ErrorParams(model=model, distribution=name, seed=seed) for model in models] for seed in (0, 1)
    )
    nominal, heard = ErrorParams(model=models[0], distribution="digits"), []
    steps = [*first, *second, nominal]
    assert taken(steps, SETTINGS, heard.append) == steps
    assert heard == [
        "digits+fog@3: errors of several draws are stored; for each network, those of the smallest seed are used "
        "(--error-seed chooses another)"
    ]
    asked = SETTINGS.model_copy(update={"error_seed": 1})
    assert taken(steps, asked, print) == [*second, nominal]
    assert taken([*first, second[0]], asked, heard.append) == [*first, second[0]]  # no network is lost by it
    assert len(heard) == 2
    with pytest.raises(UsageError, match=r"error_seed 7 \(available: 0, 1\)"):
        taken(steps, SETTINGS.model_copy(update={"error_seed": 7}), print)


def test_a_draw_that_is_asked_for_is_measured_where_images_are_drawn(networks):
    parent = networks.root()
    pruned = networks.pruned(parent)
    names = ["digits", "digits+fog@3"]
    found = errors_of(networks.study.store, [pruned.key], names, 1)
    assert {(step.distribution, step.seed) for step in found} == {("digits", 0), ("digits+fog@3", 1)}
