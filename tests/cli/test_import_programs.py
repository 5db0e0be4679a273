"""Programs from the terminal: torch.export and ONNX, fp32 and int8, measured everywhere, exported as they came."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import call_inline

from prunekit.data.datasets import open_dataset
from prunekit.data.normalise import Normaliser
from prunekit.errors import UsageError
from prunekit.models.predictors.program import open_program
from prunekit.models.state import load_arrays
from prunekit.params import ErrorParams
from prunekit.progress import SILENT
from prunekit.steps.make import make, open_context
from prunekit.steps.settings import Settings
from prunekit.store.store import Store

pytestmark = pytest.mark.usefixtures("nets")
TINY = ("--arch", "module:doornets:tiny", "--dataset", "digits")
SHIFTS = ("digits", "digits+fog@3", "digits+gaussian@0.3")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_folder):
    folder = tmp_path_factory.mktemp("programs") / "store"
    flags = (
        "--epochs",
        "3",
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
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def network(trained, nets):
    model = nets.tiny(10)
    load_arrays(model, Store(trained[0]).tensors(trained[1])[0])
    return model.eval()


@pytest.fixture(scope="module")
def files(network, tmp_path_factory, data_folder):
    """The network as a program of torch, as ONNX, and as two int8 ONNX files."""
    folder = tmp_path_factory.mktemp("files")
    images = torch.zeros(2, 3, 32, 32)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(network, (images,), dynamic_shapes=({0: batch},))
    torch.export.save(program, folder / "net.pt2")
    torch.export.save(torch.export.export(network, (images,)), folder / "fixed.pt2")
    pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
    quantization = pytest.importorskip("onnxruntime.quantization")
    torch.onnx.export(
        network, (images,), str(folder / "net.onnx"), input_names=["pixels"], output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False, dynamo=True, verbose=False,
    )  # fmt: skip
    digits = open_dataset("digits", data_folder)
    seen = Normaliser(digits)(digits.load("train").images[:64]).contiguous().numpy()

    class Reader(quantization.CalibrationDataReader):
        left = [{"pixels": seen}]  # noqa: RUF012

        def get_next(self):
            return self.left.pop() if self.left else None

    plain = str(folder / "net.onnx")
    for name, form in (("qdq", "QDQ"), ("qop", "QOperator")):
        Reader.left = [{"pixels": seen}]
        quantization.quantize_static(
            plain, str(folder / f"{name}.onnx"), Reader(), quant_format=getattr(quantization.QuantFormat, form),
            per_channel=form == "QDQ", weight_type=quantization.QuantType.QInt8,
        )  # fmt: skip
    return folder


def _flips(store, data_folder, keys, distribution):
    """How many images any of the networks predicts differently from the first."""
    context = open_context(Settings(str(store.root), str(data_folder)), SILENT)
    predicted = []
    for key in keys:
        params = ErrorParams(model=key, distribution=distribution)
        make([params], context)
        predicted.append(store.outcomes(params.key)["predicted"])
    return [int((other != predicted[0]).sum()) for other in predicted[1:]]


@pytest.mark.parametrize("name", ["net.pt2", "fixed.pt2", "net.onnx"])
def test_a_program_of_a_network_flips_no_prediction_anywhere(name, files, trained, store, cli, data_folder):
    ran = cli("import", files / name, "--parent", "small", "--label", "program")
    assert ran.code == 0, ran.err
    row = ran.row
    assert row["method"] == "compressed"
    assert (row["error"], row["bits"]) == (store.record(trained[1]).error, 32.0)
    for distribution in SHIFTS:
        assert _flips(store, data_folder, [trained[1], row["key"]], distribution) == [0], distribution
    assert cli("similarity", "program", "--images", "8", "--draws", "1", "--levels", "0,0.1").code == 0
    assert cli("show", "program", "--latency").row["latency_ms"] > 0


@pytest.mark.parametrize("name", ["qdq.onnx", "qop.onnx"])
def test_int8_networks_are_measured_and_say_their_bits(name, files, trained, store, cli, data_folder):
    row = cli("import", files / name, "--parent", "small", "--method", "int8").row
    assert (row["method"], row["parent"]) == ("int8", trained[1])
    assert 8 <= row["bits"] < 12  # weights in 8 bits, biases in 32 or in floats
    assert row["bytes"] < row["parameters"] * 4 / 2
    assert abs(row["error"] - store.record(trained[1]).error) < 0.1
    assert 0 <= row["prune_ratio"] < 0.1


def test_a_program_is_neither_pruned_nor_retrained(files, store, cli):
    key = cli("import", files / "net.onnx", "--dataset", "digits").row["key"]
    for command in (("prune", key, "--method", "wt", "--prune-ratio", "0.5"), ("retrain", key)):
        refused = cli(*command)
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert "is a program (onnx): it can be measured and exported unchanged" in refused.err


@pytest.mark.parametrize("name", ["net.pt2", "net.onnx"])
def test_a_program_is_exported_as_it_came_and_comes_back(name, files, store, tmp_path, cli):
    row = cli("import", files / name, "--parent", "small").row
    ran = cli("export", row["key"], "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert (tmp_path / "out" / f"model{Path(name).suffix}").read_bytes() == (files / name).read_bytes()
    refused = cli("export", row["key"], "--out", tmp_path / "shrunk", "--shrink")
    assert (refused.code, "exported unchanged" in refused.err) == (2, True)
    again = cli("import", tmp_path / "out", "--dataset", "digits").row
    assert again["error"] == row["error"]


def test_a_folder_that_export_wrote_is_imported_with_its_preprocessing(network, tmp_path, store, cli):
    torch.save(network.state_dict(), tmp_path / "net.pt")
    first = cli("import", tmp_path / "net.pt", *TINY, "--mean", "0.2,0.3,0.4", "--image-size", "24").row
    assert cli("export", first["key"], "--out", tmp_path / "out").code == 0
    again = cli("import", tmp_path / "out", "--dataset", "digits").row
    assert (again["error"], again["arch"]) == (first["error"], "module:doornets:tiny")
    shown = [cli("show", row["key"]).row["preprocessing"] for row in (first, again)]
    assert shown[0] == shown[1]
    (tmp_path / "empty").mkdir()
    refused = cli("import", tmp_path / "empty", "--dataset", "digits")
    assert (refused.code, "not one that `prunekit export` wrote" in refused.err) == (2, True)


def test_external_data_may_not_leave_their_folder(files, tmp_path, store, cli):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(files / "net.onnx")
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        onnx.save(
            model, folder / "net.onnx", save_as_external_data=True, size_threshold=0, location="weights.bin"
        )
        model = onnx.load(files / "net.onnx")
    assert cli("import", inside / "net.onnx", "--parent", "small").code == 0
    weights = outside / "weights.bin"
    weights.rename(tmp_path / "secret.bin")
    weights.symlink_to(tmp_path / "secret.bin")
    refused = cli("import", outside / "net.onnx", "--parent", "small")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "not a file in its own folder" in refused.err


def _edited(path, change):
    """The bytes of an archive with one of its members changed."""
    result = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(result, "w") as target:
        for info in source.infolist():
            target.writestr(info.filename, change(info.filename, source.read(info)))
    return result.getvalue()


def _graph(edit):
    def change(name, data):
        if not name.endswith("models/model.json"):
            return data
        graph = json.loads(data)
        edit(graph)
        return json.dumps(graph).encode()

    return change


def _call(graph):
    graph["graph_module"]["graph"]["nodes"][0]["target"] = "torch.hub.load"


def _operator(graph):
    graph["graph_module"]["graph"]["nodes"][0]["target"] = "_operator.methodcaller"


def _size(graph):
    values = graph["graph_module"]["graph"]["tensor_values"]
    next(iter(values.values()))["sizes"][0] = {
        "as_expr": {"expr_str": "__import__('os').system('touch ran')", "hint": {"as_int": 4}}
    }


@pytest.mark.parametrize(
    ("edit", "message"),
    [(_call, "calls 'torch.hub.load'"), (_operator, "methodcaller"), (_size, "not plain arithmetic")],
)
def test_a_program_that_would_run_code_is_refused(edit, message, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        open_program(_edited(files / "net.pt2", _graph(edit)), "evil.pt2")
    assert not (tmp_path / "ran").exists()


class Code:
    def __reduce__(self):
        return (print, ("this ran",))


def test_samples_and_guards_of_a_program_are_never_read(files, capsys):
    buffer = io.BytesIO()
    torch.save(Code(), buffer)

    def change(name, data):
        if "sample_inputs" in name:
            return buffer.getvalue()
        if name.endswith("models/model.json"):
            return json.dumps(json.loads(data) | {"guards_code": ["print('this ran')"]}).encode()
        return data

    opened = open_program(_edited(files / "net.pt2", change), "net.pt2")
    assert opened.module(torch.zeros(3, 3, 32, 32)).shape == (3, 10)
    assert "this ran" not in capsys.readouterr().out


def test_pickled_weights_of_a_program_are_refused(files):
    def change(name, data):
        return (
            data.replace(b'"use_pickle": false', b'"use_pickle": true')
            if name.endswith("config.json")
            else data
        )

    with pytest.raises(UsageError, match="as a pickled object"):
        open_program(_edited(files / "net.pt2", change), "net.pt2")


@pytest.mark.parametrize("name", ["x.pt2", "x.onnx"])
def test_bytes_that_are_no_program_are_refused(name, tmp_path, store, cli):
    if name == "x.onnx":
        pytest.importorskip("onnxruntime")
    (tmp_path / name).write_bytes(b"not a program")
    refused = cli("import", tmp_path / name, "--parent", "small")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "is not a" in refused.err


def test_pixels_as_bytes_want_no_normalisation(nets, tmp_path, store, cli):
    onnx = pytest.importorskip("onnx")
    helper, proto = onnx.helper, onnx.TensorProto
    weights = np.random.default_rng(0).normal(size=(3, 10)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["x"], ["f"], to=proto.FLOAT),
            helper.make_node("GlobalAveragePool", ["f"], ["p"]),
            helper.make_node("Flatten", ["p"], ["v"]),
            helper.make_node("MatMul", ["v", "w"], ["y"]),
        ],
        "bytes",
        [helper.make_tensor_value_info("x", proto.UINT8, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("y", proto.FLOAT, ["n", 10])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "bytes.onnx")
    refused = cli("import", tmp_path / "bytes.onnx", "--dataset", "digits")
    assert (refused.code, "takes pixels as bytes" in refused.err) == (2, True)
    pixels = ("--mean", "0,0,0", "--std", "1,1,1")
    row = cli("import", tmp_path / "bytes.onnx", "--dataset", "digits", *pixels).row
    digits = open_dataset("digits", tmp_path).load("test")
    means = digits.images.double().mean(dim=(2, 3)).numpy()
    expected = float(((means @ weights).argmax(axis=1) != digits.labels.numpy()).mean())
    assert row["error"] == pytest.approx(expected, abs=2 / len(digits))


class Ended(torch.nn.Sequential):
    """A network and a last softmax."""

    def __init__(self, network):
        super().__init__(network, torch.nn.Softmax(dim=1))


def test_onnx_that_ends_in_softmax_is_taken_as_probabilities(network, trained, store, tmp_path, cli):
    pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
    pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
    torch.onnx.export(
        Ended(network).eval(), (torch.zeros(2, 3, 32, 32),), str(tmp_path / "ended.onnx"),
        dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False, dynamo=True, verbose=False,
    )  # fmt: skip
    ran = cli("import", tmp_path / "ended.onnx", "--parent", "small")
    assert ran.code == 0, ran.err
    assert ran.err.count("returns probabilities") == 1
    losses = [
        store.outcomes(ErrorParams(model=key, distribution="digits").key)["loss"]
        for key in (trained[1], ran.row["key"])
    ]
    np.testing.assert_allclose(*losses, atol=1e-4)


def test_another_program_that_gives_probabilities_is_refused(network, tmp_path, store, cli):
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(
        Ended(network).eval(), (torch.zeros(2, 3, 32, 32),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, tmp_path / "ended.pt2")
    refused = cli("import", tmp_path / "ended.pt2", "--parent", "small")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "returns probabilities, not logits" in refused.err
