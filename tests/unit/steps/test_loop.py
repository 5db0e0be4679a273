import json
import shutil

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
