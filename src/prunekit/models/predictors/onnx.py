"""``.onnx`` files: onnxruntime runs them in any precision; their weights are counted in the graph."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from prunekit.errors import PrunekitWarning, UsageError
from prunekit.models.predictors.base import Batched, Opened, as_logits
from prunekit.models.predictors.onnx_weights import weights_of

# Operators that do not change probabilities.
PASSING = ("Identity", "Cast", "QuantizeLinear", "DequantizeLinear", "Flatten", "Reshape", "Squeeze")
LEAST_PROBABILITY = 1e-12  # replaces a probability of 0
FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
BYTES = "tensor(uint8)"
# Without it, x86 processors without VNNI add products of int8 weights in 16 bits, which overflow (onnxruntime's docs).
PRECISE = "session.x64quantprecision"


def _libraries() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime
    except ImportError:
        raise UsageError("ONNX networks need more packages: pip install 'prunekit[onnx]'") from None
    return onnx, onnxruntime


def read_onnx(path: Path) -> bytes:
    """An ONNX file as one piece, with its external data, which must be in the same folder."""
    onnx, _ = _libraries()
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # a foreign file
        raise UsageError(f"{path} is not an ONNX network: {_line(error)}") from None
    outside = [tensor for tensor in _all_tensors(model) if tensor.external_data]
    if not outside:
        return path.read_bytes()
    for tensor in outside:
        _check_inside(
            path, next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        )
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
        return bytes(model.SerializeToString())
    except Exception as error:
        raise UsageError(f"{path}: its external data cannot be read: {_line(error)}") from None


def _check_inside(path: Path, location: str) -> None:
    place, folder = path.parent / location, path.parent.resolve()
    inside = location and not Path(location).is_absolute() and place.resolve().is_relative_to(folder)
    if not inside or not place.is_file():
        raise UsageError(f"{path}: its external data {location!r} is not a file in its own folder")


def _all_tensors(model: Any) -> list[Any]:
    """Initialisers and constants of the graph and of all nested graphs."""
    found, graphs = [], [model.graph, *model.functions]
    while graphs:
        graph = graphs.pop()
        found += list(getattr(graph, "initializer", ()))
        for node in graph.node:
            for attribute in node.attribute:
                found += [attribute.t, *attribute.tensors]
                graphs += [attribute.g, *attribute.graphs]
    return found


def open_onnx(data: bytes, name: str) -> Opened:
    """The network in an ONNX file without external data; :class:`UsageError` if onnxruntime cannot open it."""
    onnx, runtime = _libraries()
    try:
        model = onnx.load_model_from_string(data)
        if any(tensor.external_data for tensor in _all_tensors(model)):
            raise UsageError(f"{name} has external data")
        session = _opened(runtime, data, name)
    except UsageError:
        raise
    except Exception as error:  # a foreign file
        raise UsageError(f"{name} is not an ONNX network that onnxruntime can open: {_line(error)}") from None
    return Opened(_Session(session, name, _ends_in_softmax(model.graph)), weights_of(onnx, model.graph))


def _opened(runtime: Any, data: bytes, name: str) -> Any:
    """A session whose int8 products do not overflow, whatever the processor, if the network's operators allow it."""
    try:
        return _session(runtime, data, precise=True)
    except Exception:  # some operators have no exact form; a broken network fails again
        session = _session(runtime, data, precise=False)
    warnings.warn(
        f"int8 products of {name} may overflow where the processor adds them in 16 bits (x86 without VNNI): "
        "quantise it with reduce_range=True or as QDQ",
        PrunekitWarning,
        stacklevel=3,
    )
    return session


def _session(runtime: Any, data: bytes, *, precise: bool) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    options.add_session_config_entry(PRECISE, str(int(precise)))
    return runtime.InferenceSession(data, options, providers=_providers(runtime))


def _ends_in_softmax(graph: Any) -> bool:
    """Whether the first output of a graph comes from a Softmax."""
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(graph.output[0].name)
    while node is not None and node.op_type in PASSING:
        node = makers.get(node.input[0])
    return node is not None and node.op_type == "Softmax"


def _providers(runtime: Any) -> list[str]:
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    return [name for name in wanted if name in runtime.get_available_providers()]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


class _Session(Batched):
    """A session with one image input (channels first or last; floats, or bytes 0 to 255); its first output is logits.

    If the output is probabilities, their logarithms are the logits.
    """

    def __init__(self, session: Any, name: str, gives_probabilities: bool) -> None:
        inputs = session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in (*FLOATS, BYTES):
            raise UsageError(f"{name} takes {len(inputs)} inputs that are not images [N, C, H, W]")
        shape = inputs[0].shape
        super().__init__(fixed=shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None)
        self._session, self._input, self._type = session, inputs[0].name, inputs[0].type
        self.takes_bytes = self._type == BYTES
        self.gives_probabilities = gives_probabilities
        self._last = shape[3] in (1, 3) and shape[1] not in (1, 3)

    def one_batch(self, images: Tensor) -> Tensor:
        """Logits from the session; images and logits pass through main memory."""
        ordered = images.permute(0, 2, 3, 1) if self._last else images
        array = ordered.detach().cpu().contiguous().numpy()
        if self._type == BYTES:  # the images are pixels in [0, 1] (mean 0, std 1); the session takes bytes
            array = np.rint(array * 255).clip(0, 255).astype(np.uint8)
        else:
            array = array.astype(FLOATS[self._type])
        output = as_logits(self._session.run(None, {self._input: array})[0], len(images))
        return output.clamp_min(LEAST_PROBABILITY).log() if self.gives_probabilities else output
