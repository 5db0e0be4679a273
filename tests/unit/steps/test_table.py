import pytest

from prunekit.params import STEPS, PruneParams, TrainParams
from prunekit.steps.table import RUN, group

TRAIN = TrainParams(arch="resnet8", dataset="digits", epochs=7)
PRUNE = PruneParams(parent=TRAIN.key, method="wt", prune_ratio=0.5)


def test_every_step_has_one_row():
    assert set(RUN) == set(STEPS)


def test_a_row_takes_steps_of_its_own_kind_alone():
    assert group(PRUNE) == PRUNE.key
    assert [RUN[params.kind].epochs(params, TRAIN) for params in (TRAIN, PRUNE)] == [7, 1]
    with pytest.raises(TypeError, match="prune is no train step"):
        RUN["train"].check(PRUNE)
