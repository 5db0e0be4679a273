"""The prune ratio of programs: an export is not pruned because its batch norms were folded or its weights rounded."""

import copy
import shutil

import numpy as np
import pytest
import torch
from tests.conftest import call_inline
from torch.nn.utils import prune

from prunekit.models.state import load_arrays
from prunekit.store.store import Store

pytestmark = pytest.mark.usefixtures("nets")
SHIFTS = ("digits", "digits+fog@3", "digits+gaussian@0.3")
TRAIN = (
    "train", "--arch", "module:doornets:tiny", "--dataset", "digits", "--epochs", "3", "--batch-size", "32",
    "--lr", "0.05", "--warmup-epochs", "0", "--label", "small",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_folder):
    folder = tmp_path_factory.mktemp("ratios") / "store"
    ran = call_inline(TRAIN, folder, data_folder)
    assert ran.code == 0, ran.err
    return folder, ran.row["key"]


@pytest.fixture
def store(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "store")


@pytest.fixture(scope="module")
def network(trained, nets):
    model = nets.tiny(10)
    load_arrays(model, Store(trained[0]).tensors(trained[1])[0])
    return model.eval()


@pytest.fixture(scope="module")
def sparse(network):
    """The network without half of its weights."""
    pruned = copy.deepcopy(network)
    layers = [(each, "weight") for each in pruned if isinstance(each, torch.nn.Conv2d | torch.nn.Linear)]
    prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=0.5)
    for layer, name in layers:
        prune.remove(layer, name)
    return pruned


def exported(network, path):
    pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
    pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
    torch.onnx.export(
        network, (torch.zeros(2, 3, 32, 32),), str(path), input_names=["pixels"],
        dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False, dynamo=True, verbose=False,
    )  # fmt: skip
    return path


def quantised(path):
    tools = pytest.importorskip("onnxruntime.quantization")
    images = np.random.default_rng(0).normal(size=(32, 3, 32, 32)).astype(np.float32)

    class Reader(tools.CalibrationDataReader):
        left = [{"pixels": images}]  # noqa: RUF012

        def get_next(self):
            return self.left.pop() if self.left else None

    small = path.with_name(f"int8-{path.name}")
    tools.quantize_static(
        str(path), str(small), Reader(), per_channel=True, weight_type=tools.QuantType.QInt8
    )
    return small


def operators(path):
    return {node.op_type for node in pytest.importorskip("onnx").load(path).graph.node}


def test_a_folded_fp32_export_is_not_pruned_and_flips_nothing(network, trained, store, tmp_path, cli):
    path = exported(network, tmp_path / "net.onnx")
    assert "BatchNormalization" not in operators(path)
    row = cli("import", path, "--parent", "small", "--label", "fp32").row
    assert (row["prune_ratio"], row["bits"]) == (0, 32)
    assert row["nonzero"] == row["parameters"] == sum(each.numel() for each in network.parameters())
    flags = [flag for each in SHIFTS for flag in ("--distribution", each)]
    rows = cli("compare", "small", "fp32", *flags).rows
    assert [(row["distribution"], row["broken"], row["fixed"]) for row in rows] == [
        (each, 0, 0) for each in SHIFTS
    ]


def test_an_int8_export_is_not_pruned(network, store, tmp_path, cli):
    path = quantised(exported(network, tmp_path / "net.onnx"))
    row = cli("import", path, "--parent", "small", "--method", "int8").row
    assert (row["prune_ratio"], row["bits"]) == (0, 8)


@pytest.mark.parametrize("form", [lambda path: path, quantised])
def test_a_pruned_export_has_the_ratio_that_its_state_has(form, sparse, store, tmp_path, cli):
    torch.save(sparse.state_dict(), tmp_path / "sparse.pt")
    plain = cli("import", tmp_path / "sparse.pt", "--parent", "small").row
    row = cli("import", form(exported(sparse, tmp_path / "sparse.onnx")), "--parent", "small").row
    assert 0.48 < plain["prune_ratio"] < 0.5
    assert row["prune_ratio"] == pytest.approx(
        plain["prune_ratio"], abs=0.005 if form is quantised else 1e-12
    )


def test_a_program_of_torch_is_counted_as_its_state(network, sparse, store, tmp_path, cli):
    torch.save(sparse.state_dict(), tmp_path / "sparse.pt")
    plain = cli("import", tmp_path / "sparse.pt", "--parent", "small").row["prune_ratio"]
    for model, ratio in ((network, 0), (sparse, plain), (folded(network), 0)):
        program = torch.export.export(model, (torch.zeros(1, 3, 32, 32),))
        torch.export.save(program, tmp_path / "net.pt2")
        row = cli("import", tmp_path / "net.pt2", "--parent", "small").row
        assert row["prune_ratio"] == pytest.approx(ratio, abs=1e-12)


def folded(network):
    """The network with its batch norms folded into its convolutions."""
    layers = list(copy.deepcopy(network))
    for place in (0, 3, 6):
        layers[place] = torch.nn.utils.fusion.fuse_conv_bn_eval(layers[place], layers[place + 1])
    return torch.nn.Sequential(
        *(each for each in layers if not isinstance(each, torch.nn.BatchNorm2d))
    ).eval()


def test_a_narrower_program_of_torch_has_the_ratio_that_its_state_has(store, tmp_path, cli):
    layers, inputs = [], 3
    for outputs in (12, 16, 20):
        layers += [
            torch.nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False),
            torch.nn.BatchNorm2d(outputs),
            torch.nn.ReLU(),
        ]
        inputs = outputs
    head = (torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(inputs, 10))
    narrow = torch.nn.Sequential(*layers, *head).eval()
    torch.save(narrow.state_dict(), tmp_path / "narrow.pt")
    torch.export.save(torch.export.export(narrow, (torch.zeros(1, 3, 32, 32),)), tmp_path / "narrow.pt2")
    state, program = (
        cli("import", tmp_path / f"narrow{end}", "--parent", "small").row for end in (".pt", ".pt2")
    )
    assert program["prune_ratio"] == state["prune_ratio"] > 0.4
    assert program["error"] == state["error"]
    folded = cli("import", exported(narrow, tmp_path / "narrow.onnx"), "--parent", "small").row["prune_ratio"]
    assert state["prune_ratio"] - 0.01 < folded < state["prune_ratio"]


def test_an_int8_export_of_an_fp32_export_is_not_pruned(network, store, tmp_path, cli):
    path = exported(network, tmp_path / "net.onnx")
    assert cli("import", path, "--dataset", "digits", "--label", "whole").code == 0
    assert cli("import", quantised(path), "--parent", "whole").row["prune_ratio"] == 0


def test_a_root_without_its_weights_still_says_what_is_unpruned(network, trained, store, tmp_path, cli):
    path = exported(network, tmp_path / "net.onnx")
    first = cli("import", path, "--parent", "small", "--label", "kept").row
    assert cli("gc", "--weights", "kept").code == 0
    assert Store(tmp_path / "store").record(trained[1]).dropped
    assert cli("import", quantised(path), "--parent", first["key"]).row["prune_ratio"] == 0
