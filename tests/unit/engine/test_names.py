"""What bars call the steps that run side by side."""

from prunekit.engine.names import names_of
from prunekit.params import ErrorParams, PruneParams, RetrainParams, TrainParams
from prunekit.progress import Named


def plan(*seeds):
    found = {}
    for seed in seeds:
        train = TrainParams(arch="resnet8", dataset="digits", seed=seed)
        prune = PruneParams(parent=train.key, method="wt", prune_ratio=0.9)
        retrain = RetrainParams(parent=prune.key)
        again = PruneParams(parent=retrain.key, method="wt", prune_ratio=0.97)
        error = ErrorParams(model=retrain.key, distribution="digits")
        found |= {step.key: step for step in (train, prune, retrain, again, error)}
    return found


def test_a_step_is_called_by_its_stage_method_ratio_and_the_seed_where_there_are_several():
    steps = plan(0, 1)
    stages = {key: "parents" if step.kind == "train" else "pruned" for key, step in steps.items()}
    found = list(names_of(steps, stages).values())
    assert found[:4] == [
        "parents seed 0",
        "pruned wt 0.9 seed 0",
        "pruned wt 0.9 seed 0",
        "pruned wt 0.97 seed 0",
    ]
    assert found[-1] == "pruned wt 0.9 seed 1"


def test_without_stages_it_is_called_by_its_kind():
    found = list(names_of(plan(0)).values())
    assert found == ["train", "prune wt 0.9", "retrain wt 0.9", "prune wt 0.97", "error wt 0.9"]


class Heard:
    def __init__(self):
        self.labels = []

    def bar(self, label, total, unit="images"):
        self.labels.append(label)


def test_bars_carry_the_name_of_their_step():
    heard = Heard()
    progress = Named(heard)
    progress.bar("training", 3)
    progress.name = "pruned wt 0.9"
    progress.bar("training", 3)
    assert heard.labels == ["training", "pruned wt 0.9: training"]
