import json
import shutil

from torch import nn

from prunekit.steps.loop import stored_bytes
from prunekit.store.store import Store


def test_a_network_without_filters_is_trained_compact_and_its_record_says_so(cli, trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "store")
    pruned = cli("prune", trained[1], "--method", "ft", "--prune-ratio", "0.7", "--json").row["key"]
    single = cli("prune", trained[1], "--method", "wt", "--prune-ratio", "0.7", "--json").row["key"]
    keys = [cli("retrain", key, "--epochs", "1", "--json").row["key"] for key in (pruned, single)]
    records = [Store(tmp_path / "store").record(key) for key in keys]
    assert records[0].nonzero <= records[0].results["trained_parameters"] < 0.6 * records[0].parameters
    assert "trained_parameters" not in records[1].results
    shown = json.loads(cli("show", keys[0], "--json").out)
    assert shown["key"] == keys[0]


def test_the_bytes_of_a_network_are_those_of_its_weights_and_buffers():
    assert stored_bytes(nn.Linear(3, 2)) == 4 * (3 * 2 + 2)
    assert stored_bytes(nn.BatchNorm2d(3)) == 4 * (4 * 3) + 8
    assert stored_bytes(nn.LazyLinear(2)) == 0
