"""The few images of a report: pixels of the data set, and what each network keeps of them by its stored order."""

import numpy as np
import pytest
import torch

from prunekit.data.digits import load
from prunekit.params import FeaturesParams, TrainParams
from prunekit.report.study import read_study
from prunekit.store.records import MeasurementRecord, Step
from prunekit.studies.pictures import pictures
from prunekit.studies.subject import pictures_of

PIXELS = 32 * 32
KEPT = 102
CLASSES = tuple("0123456789")


def ordered(study, record, turn, **more):
    """Four images whose pixels are masked in reading order, starting ``turn`` pixels on."""
    params = FeaturesParams(model=record.key, images=4, **more)
    order = np.tile(np.roll(np.arange(PIXELS, dtype=np.int16), -turn), (4, 1))
    study.store.save_outcomes(MeasurementRecord(key=params.key, step=Step.of(params)), {"order": order})
    return params


@pytest.fixture
def networks(study):
    """Parent, pruned and separate network on digits."""
    parent = study.model(TrainParams(arch="resnet8", dataset="digits", epochs=1), classes=CLASSES)
    separate = study.model(TrainParams(arch="resnet8", dataset="digits", epochs=1, seed=1), classes=CLASSES)
    return parent, study.pruned(parent, 0.5), separate


def test_whole_images_and_the_last_tenth_of_every_order(study, networks, tmp_path):
    features = [ordered(study, record, turn) for turn, record in enumerate(networks)]
    found = pictures(study.store, features, tmp_path, kept=0.1)
    images, labels = load(tmp_path, "test").take(torch.arange(3))
    assert [picture["class"] for picture in found] == [CLASSES[label] for label in labels]
    assert found[1]["rgb"] == images[1].permute(1, 2, 0).flatten().tolist()
    assert {picture["method"] for picture in found} == {"wt"}
    kept = {each["model"]: each["pixels"] for each in found[0]["kept"]}
    last = list(range(PIXELS - KEPT, PIXELS))
    assert kept[0.0] == last
    assert kept[0.5] == [0, *last[1:]]
    assert kept["separate"] == [0, 1, *last[2:]]


def test_orders_sought_in_different_ways_are_not_mixed(study, networks, tmp_path):
    parent, pruned, separate = networks
    features = [ordered(study, parent, 0), ordered(study, separate, 0), ordered(study, pruned, 0, block=8)]
    assert pictures(study.store, features, tmp_path, kept=0.1) == []


def test_data_that_are_gone_are_told_in_one_line(study, tmp_path):
    parent = study.model(TrainParams(arch="resnet8", dataset="cifar10"))
    features = [ordered(study, record, 0) for record in (parent, study.pruned(parent, 0.5))]
    found = pictures(study.store, features, tmp_path, kept=0.1)
    assert isinstance(found, str)
    assert "data set cifar10 is missing" in found
    assert "\n" not in found


def test_nothing_is_read_where_no_features_were_measured(study, errors_of_parent, tmp_path):
    found = pictures_of(study.store, [errors_of_parent], tmp_path, read_study([], {}), kept=0.1)
    assert found == {"kept": [], "broken": []}


@pytest.fixture
def errors_of_parent(study):
    return study.outcome(study.parent, "digits", 4)
