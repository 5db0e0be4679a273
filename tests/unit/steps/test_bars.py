"""A bar says its step's name once: what it is of, then what it does."""

from prunekit.params import PruneParams, TrainParams
from prunekit.progress import SILENT
from prunekit.steps.make import make, open_context
from prunekit.steps.settings import Settings


class Heard:
    def __init__(self):
        self.labels = []

    def bar(self, label, total, unit="images"):
        self.labels.append(label)
        return SILENT.bar(label, total, unit)


def test_the_bar_of_a_prune_step_says_its_method_once(tmp_path):
    heard = Heard()
    context = open_context(Settings(str(tmp_path / "store"), str(tmp_path)), heard)
    train = TrainParams(arch="resnet8", dataset="digits", epochs=1, batch_size=512)
    for step in (train, PruneParams(parent=train.key, method="wt", prune_ratio=0.5)):
        make([step], context)
    (pruning,) = [label for label in heard.labels if "prun" in label]
    assert pruning.count("wt") <= 1
    assert pruning.endswith("pruning")
