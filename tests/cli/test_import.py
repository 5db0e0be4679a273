"""Networks made elsewhere, from the terminal: state dicts in every shape, their own preprocessing, parents and zeros."""

import shutil

import pytest
import torch
from safetensors.torch import save_file, save_model
from tests.conftest import call_inline
from torch import nn
from torch.nn.utils import prune as torch_prune

from prunekit.models.state import load_arrays
from prunekit.params import ErrorParams
from prunekit.progress import SILENT
from prunekit.steps.make import make, open_context
from prunekit.steps.settings import Settings
from prunekit.store.store import Store

pytestmark = pytest.mark.usefixtures("nets")
OWN = ("--mean", "0.2,0.3,0.4", "--std", "0.3,0.3,0.5")
PIXELS = ("--mean", "0,0,0", "--std", "1,1,1")
TINY = ("--arch", "module:doornets:tiny", "--dataset", "digits")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_folder):
    """A store with a network that has learned something: (store folder, key)."""
    folder = tmp_path_factory.mktemp("learned") / "store"
    flags = (
        "--epochs",
        "4",
        "--batch-size",
        "32",
        "--lr",
        "0.05",
        "--warmup-epochs",
        "0",
        "--label",
        "small",
    )
    ran = call_inline(("train", *TINY, *flags), folder, data_folder)
    assert ran.code == 0, ran.err
    return folder, ran.row["key"]


@pytest.fixture
def store(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def network(trained, nets):
    """The trained network, in memory."""
    model = nets.tiny(10)
    load_arrays(model, Store(trained[0]).tensors(trained[1])[0])
    return model


@pytest.fixture
def error(trained):
    return Store(trained[0]).record(trained[1]).error


@pytest.fixture
def measured(tmp_path, data_folder):
    """The error of a stored network on a distribution."""

    def measure(key, distribution):
        params = ErrorParams(model=key, distribution=distribution)
        make([params], open_context(Settings(str(tmp_path / "store"), str(data_folder)), SILENT))
        return Store(tmp_path / "store").measurement(params.key).summary["error"]

    return measure


def _imported(cli, path, *flags):
    ran = cli("import", path, *flags)
    assert ran.code == 0, ran.err
    return ran.row


def test_a_wrapper_that_normalises_and_fields_that_say_so_measure_the_same(
    network, tmp_path, measured, cli, monkeypatch
):
    """0.4292 was imported as 0.45: a network was measured through its data set's normalisation instead of its own."""
    monkeypatch.chdir(tmp_path)
    save_file(
        {f"network.{name}": tensor for name, tensor in network.state_dict().items()}, "wrapped.safetensors"
    )
    save_file(network.state_dict(), "plain.safetensors")
    wrapped = _imported(
        cli, "wrapped.safetensors", "--arch", "module:doornets:Wrapped", "--dataset", "digits", *PIXELS
    )
    fields = _imported(cli, "plain.safetensors", *TINY, *OWN)
    wrong = _imported(cli, "plain.safetensors", *TINY)
    assert fields["error"] == wrapped["error"] != wrong["error"]
    shifts = ("digits+fog@3", "digits+uniform@0.3", "digits+gaussian@0.2")
    for shift in shifts:
        errors = {measured(row["key"], shift) for row in (wrapped, fields)}
        assert len(errors) == 1, shift
    shown = cli("show", fields["key"]).row
    assert shown["preprocessing"]["mean"] == [0.2, 0.3, 0.4]


def test_descendants_see_what_their_parent_sees(network, tmp_path, cli):
    save_file(network.state_dict(), tmp_path / "plain.safetensors")
    schedule = ("--epochs", "1", "--batch-size", "128", "--image-size", "24", "--resize", "28")
    parent = _imported(cli, tmp_path / "plain.safetensors", *TINY, *OWN, *schedule)
    pruned = cli("prune", parent["key"], "--method", "sipp", "--prune-ratio", "0.3")
    retrained = cli("retrain", "-", stdin=pruned.out)
    assert retrained.code == 0, retrained.err
    for row in (pruned.row, retrained.row):
        shown = cli("show", row["key"]).row["preprocessing"]
        assert (shown["mean"], shown["size"], shown["resize"]) == ([0.2, 0.3, 0.4], [24, 24], 28)
    compared = cli("similarity", pruned.row["key"], "--images", "8", "--draws", "1", "--levels", "0,0.1")
    assert compared.code == 0, compared.err


def test_networks_that_normalise_differently_are_compared_on_the_same_pixels(
    network, error, tmp_path, cli, store
):
    """One network under two names, one with the normalisation folded into its first layer: they agree everywhere."""
    save_file(network.state_dict(), tmp_path / "plain.safetensors")
    plain = _imported(cli, tmp_path / "plain.safetensors", *TINY, *OWN)
    wrapped = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    save_file(wrapped, tmp_path / "wrapped.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        other = _imported(
            cli,
            tmp_path / "wrapped.safetensors",
            "--arch",
            "module:doornets:Wrapped",
            "--parent",
            plain["key"],
            *PIXELS,
        )
        ran = cli(
            "similarity", other["key"], "--to", plain["key"],
            "--images", "20", "--draws", "2", "--levels", "0,0.2,0.5",
        )  # fmt: skip
    assert ran.code == 0, ran.err
    agreement = [row["value"] for row in ran.rows if row.get("metric") == "agreement"]
    assert agreement
    assert min(agreement) == 1.0
    sized = _imported(cli, tmp_path / "plain.safetensors", *TINY, "--image-size", "24")
    refused = cli("similarity", sized["key"], "--to", plain["key"], "--images", "8")
    assert (refused.code, "the same pixels" in refused.err) == (2, True)


def test_an_import_that_measures_something_else_is_refused_with_what_would_fit(network, error, tmp_path, cli):
    save_file(network.state_dict(), tmp_path / "plain.safetensors")
    wrong = ("--mean", "0.5,0.5,0.5", "--std", "0.2,0.2,0.2")
    expected = ("--expect-error", f"{error:.4f}")
    refused = cli("import", tmp_path / "plain.safetensors", *TINY, *wrong, *expected)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert f"not the expected {error:.4g}" in refused.err
    assert f"it is {error:.4f} with --mean 0.3057,0.3057,0.3057 --std 0.3241,0.3241,0.3241" in refused.err
    assert cli("ls").out == ""
    assert not list((tmp_path / "store" / "measurements").glob("*"))
    hopeless = cli("import", tmp_path / "plain.safetensors", *TINY, "--expect-error", "0.999")
    assert "likely causes: its mean and std" in hopeless.err
    right = _imported(cli, tmp_path / "plain.safetensors", *TINY, *expected)
    assert right["key"] == _imported(cli, tmp_path / "plain.safetensors", *TINY)["key"]


def _plain(model):
    return model.state_dict()


def _compiled_and_parallel(model):
    return {f"module._orig_mod.{name}": tensor for name, tensor in model.state_dict().items()}


def _without_counters(model):
    return {n: t for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")}


def _checkpoint(model):
    return {"epoch": 3, "state_dict": model.state_dict(), "optimizer": {"lr": 0.1}}


@pytest.mark.parametrize("ending", ["pt", "pth"])
@pytest.mark.parametrize("change", [_plain, _compiled_and_parallel, _without_counters, _checkpoint])
def test_state_dicts_as_people_have_them(change, ending, network, error, tmp_path, cli):
    torch.save(change(network), tmp_path / f"net.{ending}")
    row = _imported(cli, tmp_path / f"net.{ending}", *TINY)
    assert (row["error"], row["bits"], row["bytes"]) == (error, 32.0, 4 * row["parameters"])


def test_half_precision_weights_say_their_bits(network, tmp_path, cli):
    torch.save({name: tensor.half() for name, tensor in network.state_dict().items()}, tmp_path / "half.pt")
    row = _imported(cli, tmp_path / "half.pt", *TINY)
    assert (row["bits"], row["bytes"]) == (16.0, 2 * row["parameters"])


class Code:
    def __reduce__(self):
        return (print, ("this ran",))


@pytest.mark.parametrize("content", [nn.Linear(2, 2), {"weight": torch.ones(1), "x": Code()}])
def test_a_pickled_network_is_refused_with_the_line_that_converts_it(content, tmp_path, cli, capsys):
    torch.save(content, tmp_path / "whole.pt")
    refused = cli("import", tmp_path / "whole.pt", *TINY)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "weights_only=False).state_dict(), 'state.pt')" in refused.err
    assert "this ran" not in refused.out + refused.err + capsys.readouterr().out
    assert not list((tmp_path / "store").glob("imports/*"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.ones(1)], "contains a list, not a state dict"),
        (
            {"model": {"a": torch.ones(1)}, "ema": {"a": torch.ones(1)}, "net": {"a": torch.ones(1)}},
            "model, net",
        ),
        ({"lr": 0.1}, "state dicts in it: none"),
        ({"0.weight": torch.ones(16, 3, 3, 3).to_sparse()}, "sparse"),
        ({"0.weight": torch.full((16, 3, 3, 3), float("nan"))}, "no tensor"),
    ],
)
def test_other_contents_are_refused_by_name(content, message, tmp_path, cli):
    torch.save(content, tmp_path / "other.pt")
    refused = cli("import", tmp_path / "other.pt", *TINY)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert message in refused.err


def test_bytes_that_are_no_archive_and_places_that_are_no_file_are_refused(tmp_path, cli):
    import os

    (tmp_path / "x.pt").write_bytes(b"PK\x03\x04 not torch's")
    (tmp_path / "x.h5").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.pt")
    for name, message in (
        ("x.pt", "is not a file of torch.save"),
        ("x.h5", "unknown kind of weights file"),
        ("pipe.pt", "not a regular file"),
    ):
        refused = cli("import", tmp_path / name, *TINY)
        assert (refused.code, refused.err.count("\n")) == (2, 1), name
        assert message in refused.err, name


def test_nan_in_weights_is_refused(network, tmp_path, cli):
    state = network.state_dict()
    state["0.weight"] = torch.full_like(state["0.weight"], float("nan"))
    torch.save(state, tmp_path / "nan.pt")
    refused = cli("import", tmp_path / "nan.pt", *TINY)
    assert (refused.code, "'0.weight' of the weights holds NaN" in refused.err) == (2, True)


def test_a_network_pruned_with_torch_is_a_descendant_that_can_be_pruned_on(
    network, trained, tmp_path, cli, store
):
    layers = [(module, "weight") for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    torch_prune.global_unstructured(layers, pruning_method=torch_prune.L1Unstructured, amount=0.6)
    torch.save(network.state_dict(), tmp_path / "pruned.pt")
    row = _imported(cli, tmp_path / "pruned.pt", "--parent", "small", "--method", "L1", "--label", "l1")
    zeros = sum(int((module.weight == 0).sum()) for module, _ in layers)
    assert (row["method"], row["parent"]) == ("L1", trained[1])
    assert row["nonzero"] == row["parameters"] - zeros
    assert row["prune_ratio"] == pytest.approx(zeros / row["parameters"])
    again = cli("retrain", "l1", "--epochs", "1")
    assert again.code == 0, again.err
    assert again.row["nonzero"] == row["nonzero"]
    further = cli("prune", "l1", "--method", "wt", "--prune-ratio", "0.7")
    assert further.row["nonzero"] < row["nonzero"]
    assert cli("prune", "l1", "--method", "wt", "--prune-ratio", "0.5").code == 2
    churned = cli("potential", "small", "l1")
    assert churned.code == 0, churned.err


def test_parametrised_masks_are_folded(network, tmp_path, cli, store):
    state = network.state_dict()
    weight = state.pop("0.weight")
    mask = torch.arange(weight.numel()).reshape(weight.shape) % 2 == 0
    state |= {
        "parametrizations.weight.original".replace("par", "0.par", 1): weight,
        "0.parametrizations.weight.0.mask": mask,
    }
    torch.save(state, tmp_path / "sparse.pt")
    row = _imported(cli, tmp_path / "sparse.pt", "--parent", "small")
    assert (row["method"], row["parameters"] - row["nonzero"]) == ("compressed", weight.numel() // 2)


def test_a_narrower_network_counts_from_its_parameters(measured, tmp_path, cli, store):
    pruned = cli("prune", "small", "--method", "ft", "--prune-ratio", "0.4").row
    assert cli("export", pruned["key"], "--out", tmp_path / "small", "--shrink").code == 0
    row = _imported(cli, tmp_path / "small" / "model.safetensors", "--parent", "small", "--method", "shrunk")
    assert row["error"] == pruned["error"]
    assert row["prune_ratio"] > 0.2
    assert row["bytes"] < 4 * row["parameters"]
    assert cli("retrain", row["key"], "--epochs", "1").code == 0
    assert 0 < measured(row["key"], "digits+fog@3") < 1


def test_tied_tensors_are_read_as_save_model_writes_them(nets, tmp_path, cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(nets.Tied(10), "tied.safetensors")
    row = _imported(cli, "tied.safetensors", "--arch", "module:doornets:Tied", "--dataset", "digits")
    assert row["parameters"] == 3 * 8 * 9 + 8 + 8 * 8 * 9 + 8 + 8 + 8 * 10 + 10


def test_timm_s_own_configuration_is_how_its_networks_see(tmp_path, cli):
    from timm import create_model

    name = "mobilenetv3_small_050"
    torch.save(create_model(name, num_classes=10).state_dict(), tmp_path / "timm.pt")
    row = _imported(
        cli, tmp_path / "timm.pt", "--arch", f"timm:{name}", "--dataset", "digits", "--image-size", "32"
    )
    shown = cli("show", row["key"]).row["preprocessing"]
    assert shown["mean"] == [0.485, 0.456, 0.406]
    assert (shown["interpolation"], shown["size"], shown["resize"]) == ("bicubic", [32, 32], None)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--dataset", "digits"), "name the architecture"),
        (("--arch", "resnet8"), "name the data set on which the network was trained, or its parent"),
        ((*TINY, "--method", "x"), "also name the parent from which the network was made"),
        (("--parent", "nobody"), "unknown model 'nobody'"),
        (("--parent", "small", "--dataset", "cifar10"), "differs from the parent's"),
        ((*TINY, "--mean", "0.5"), "mean needs 3 values"),
        ((*TINY, "--crop", "224"), "unknown crop '224'"),
    ],
)
def test_what_does_not_fit_together_is_refused(flags, message, network, tmp_path, cli, store):
    torch.save(network.state_dict(), tmp_path / "net.pt")
    refused = cli("import", tmp_path / "net.pt", *flags)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert message in refused.err
