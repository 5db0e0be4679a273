"""The images of a report that only the parent gets right, out of stored outcomes and the data set."""

import numpy as np
import pytest
import torch

from prunekit.analysis.comparison import Asked
from prunekit.analysis.verdict import Margin
from prunekit.data.load import load_distribution
from prunekit.data.normalise import Normaliser
from prunekit.distribution import parse
from prunekit.measure.batches import Batch
from prunekit.measure.outcomes import noisy
from prunekit.params import ErrorParams, ReportParams, TrainParams
from prunekit.report.study import read_study
from prunekit.steps.context import dataset
from prunekit.store.records import MeasurementRecord, Step
from prunekit.studies import seen, shown
from prunekit.studies.compare import Comparison, _pictures, compare
from prunekit.studies.findings import error_findings
from prunekit.studies.gallery import gallery
from prunekit.studies.shown import seen_images

CLASSES = tuple("0123456789")
SHIFTED = "digits+contrast@1"
SETTINGS = ReportParams(margin=0.1, resamples=100)


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return load_distribution(parse("digits"), tmp_path_factory.mktemp("data")).labels.numpy()


def outcome(study, record, distribution, labels, wrong):
    """The network says the next class on the ``wrong`` images, and is right on the others."""
    params = ErrorParams(model=record.key, distribution=distribution)
    rank = np.isin(np.arange(len(labels)), wrong).astype(np.int32)
    arrays = {
        "predicted": ((labels + rank) % 10).astype(np.int32),
        "label": labels.astype(np.int32),
        "rank": rank,
        "loss": rank.astype(np.float32),
        "confidence": np.full(len(labels), 0.75, np.float32),
    }
    summary = {"error": len(wrong) / len(labels), "n": len(labels), "task": "classification"}
    study.store.save_outcomes(
        MeasurementRecord(key=params.key, step=Step.of(params), summary=summary), arrays
    )
    return params


@pytest.fixture
def networks(study):
    parent = study.model(TrainParams(arch="resnet8", dataset="digits", epochs=1), classes=CLASSES)
    return parent, study.pruned(parent, 0.5), study.pruned(parent, 0.9)


@pytest.fixture
def errors(study, networks, labels):
    """At 0.5, the deployed ratio, one image breaks on the test set; six break and one is fixed under contrast."""
    parent, half, most = networks
    many = list(range(100))
    return [
        outcome(study, parent, "digits", labels, []),
        outcome(study, half, "digits", labels, [5]),
        outcome(study, most, "digits", labels, many),
        outcome(study, parent, SHIFTED, labels, [0]),
        outcome(study, half, SHIFTED, labels, [1, 3, 5, 7, 9, 11]),
        outcome(study, most, SHIFTED, labels, many),
    ]


def test_the_most_harmful_distribution_first_at_the_ratio_that_test_error_allows(
    study, errors, labels, tmp_path
):
    report = read_study(error_findings(study.store, errors, SETTINGS), {"margin": 0.1})
    found = gallery(study.store, report, errors, tmp_path)
    assert [(each["distribution"], each["place"]) for each in found] == [
        *((SHIFTED, place) for place in (1, 5, 7, 11)),
        ("digits", 5),
    ]
    assert {(each["label"], each["ratio"], each["n"]) for each in found} == {("wt", 0.5, 359)}
    assert [(each["broken"], each["fixed"]) for each in found] == [*4 * [(6, 1)], (1, 0)]
    for each in found:
        true = labels[each["place"]]
        said = (CLASSES[true], CLASSES[true], CLASSES[(true + 1) % 10])
        assert (each["class"], each["parent_says"], each["says"]) == said
        images, _ = load_distribution(parse(each["distribution"]), tmp_path).take(
            torch.tensor([each["place"]])
        )
        assert each["rgb"] == images[0].permute(1, 2, 0).flatten().tolist()
        assert each["size"] == [32, 32]


def test_of_a_comparison_every_network_counts_and_no_ratio_is_said(study, networks, errors, tmp_path):
    parent, half, most = networks
    keys = [half.key, most.key]
    rows = compare(study.store, parent.key, keys, errors, Asked(Margin(0.1), resamples=100))
    report = read_study(rows, {"margin": 0.1})
    found = _pictures(study.store, Comparison(parent.key, keys, errors), tmp_path, 1, report)["broken"]
    assert [(each["distribution"], each["broken"]) for each in found] == [
        *4 * [("digits", 100)],
        *4 * [(SHIFTED, 99)],
    ]
    assert {(each["label"], each["ratio"]) for each in found} == {(most.key, None)}


def test_what_is_lacking_is_told_in_one_line(study, networks, errors, tmp_path, monkeypatch):
    report = read_study(error_findings(study.store, errors, SETTINGS), {"margin": 0.1})

    def lacks_torch(*given):
        raise ModuleNotFoundError("no", name="torch")

    monkeypatch.setattr(shown, "SEEN_IMAGES", lacks_torch)
    assert "needs torch" in gallery(study.store, report, errors, tmp_path)


def test_a_data_set_of_another_size_is_not_shown(study, networks, tmp_path):
    step = ErrorParams(model=networks[1].key, distribution="digits")
    with pytest.raises(Exception, match="digits has 359 images here, but 40 were measured"):
        seen_images(networks[0], step, [0], 40, tmp_path)


def test_images_without_torch_are_those_of_torch(networks, tmp_path, monkeypatch):
    """The test set's, and those of a corruption once it was measured, in this process or an earlier one."""
    for distribution in ("digits", SHIFTED):
        step = ErrorParams(model=networks[1].key, distribution=distribution, seed=3)
        load_distribution(parse(distribution), tmp_path, seed=3)
        asked = (networks[0], step, [2, 7], 359, tmp_path)
        expected = np.stack(seen.seen_images(*asked))
        with monkeypatch.context() as patched:
            patched.setattr(shown, "SEEN_IMAGES", None)
            assert np.array_equal(seen_images(*asked), expected)


def test_a_corruption_that_is_not_kept_is_made_by_torch(networks, tmp_path):
    step = ErrorParams(model=networks[1].key, distribution=SHIFTED, seed=4)
    asked = (networks[0], step, [2, 7], 359, tmp_path)
    assert np.array_equal(seen_images(*asked), seen.seen_images(*asked))
    assert not (tmp_path / "cache").exists()


def test_noise_is_on_the_images_as_it_was_measured(networks, tmp_path):
    step = ErrorParams(model=networks[1].key, distribution="digits+uniform@0.5")
    found = np.stack(seen_images(networks[0], step, [2, 7], 359, tmp_path))
    opened = dataset("digits", tmp_path)
    images, labels = load_distribution(parse("digits"), tmp_path).take(torch.tensor([2, 7]))
    batch = Batch(indices=torch.tensor([2, 7]), images=Normaliser(opened)(images), labels=labels)
    inputs = noisy(batch, ("uniform", 0.5), dataset=opened, seed=0)
    mean, std = (torch.tensor(each).view(-1, 1, 1) for each in (opened.mean, opened.std))
    pixels = (255 * (inputs * std + mean)).clamp(0, 255).permute(0, 2, 3, 1)
    assert np.abs(found - pixels.numpy()).max() <= 0.51
