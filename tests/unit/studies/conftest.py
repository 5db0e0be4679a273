"""A store whose outcomes are made up."""

import numpy as np
import pytest

from prunekit.params import ErrorParams, PruneParams, RetrainParams, TrainParams
from prunekit.store.records import MeasurementRecord, ModelRecord, Step
from prunekit.store.store import Store

CLASSES = ("cat", "dog")


class Study:
    """A store with one unpruned parent, two pruned descendants and a separate network; outcomes are of ``n`` images."""

    n = 40

    def __init__(self, root):
        self.store = Store(root)
        self.parent = self.model(TrainParams(arch="resnet8", dataset="digits"))
        self.separate = self.model(TrainParams(arch="resnet8", dataset="digits", seed=1))
        self.half = self.pruned(self.parent, 0.5)
        self.most = self.pruned(self.half, 0.8)

    def model(self, params, ancestors=(), nonzero=100, classes=CLASSES):
        lineage = (*ancestors, Step.of(params))
        record = ModelRecord(
            key=params.key, lineage=lineage, classes=classes, parameters=100, nonzero=nonzero, error=0.0
        )
        self.store.save_model(record, {"w": np.zeros(1, np.float32)}, {})
        return record

    def pruned(self, parent, ratio, mode="lr-rewind"):
        prune = PruneParams(parent=parent.key, method="wt", prune_ratio=ratio)
        first = self.model(prune, parent.lineage, round(100 * (1 - ratio)), parent.classes)
        retrain = RetrainParams(parent=prune.key, mode=mode)
        return self.model(retrain, first.lineage, first.nonzero, parent.classes)

    def outcome(self, record, distribution, wrong):
        """The first ``wrong`` of n images are wrong."""
        params = ErrorParams(model=record.key, distribution=distribution)
        label = np.arange(self.n, dtype=np.int32) % 2
        rank = (np.arange(self.n) < wrong).astype(np.int32)
        arrays = {
            "predicted": np.where(rank > 0, 1 - label, label).astype(np.int32),
            "label": label,
            "rank": rank,
            "loss": rank.astype(np.float32),
            "confidence": np.full(self.n, 0.75, np.float32),
        }
        summary = {"error": wrong / self.n, "n": self.n, "task": "classification"}
        self.store.save_outcomes(
            MeasurementRecord(key=params.key, step=Step.of(params), summary=summary), arrays
        )
        return params


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "store")
