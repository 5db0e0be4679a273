"""Write a stored network for use without prunekit, optionally smaller, after a check against the stored one."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from prunekit.base import attention, files, sizes
from prunekit.base.sizes import sizes_of
from prunekit.data.normalise import Normaliser
from prunekit.data.preprocessing import Preprocessing, to_json
from prunekit.errors import PrunekitError, UsageError, unknown
from prunekit.models.archs import build
from prunekit.models.cost import cost, latency
from prunekit.models.foreign import SIZES
from prunekit.models.predictors import FORMS
from prunekit.models.segmentation import Segmenter
from prunekit.pruning.shrink import shrink as shrunk_copy
from prunekit.steps.context import PROGRAM, Context, Loaded, examples, load, view_of
from prunekit.store.records import MODULE

CHECKED_IMAGES = 64
DEFAULT_FORMAT = "safetensors"
# Shrinking changes only the order of float32 sums.
TOLERANCE = 1e-4


class Exported(NamedTuple):
    """What is written: a file's name and bytes, and the Python lines that load it and compute logits."""

    name: str
    data: bytes
    opens: str


def export(key: str, context: Context, *, out: Path, shrink: bool, form: str) -> dict[str, Any]:
    """Write ``out`` with the network, ``config.json`` and ``load.py``; returns a row of sizes and times.

    The logits on real test images must agree with the masked network's to 1e-4 of their scale, else
    :class:`PrunekitError` and nothing is written.
    """
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out} exists and is not an empty folder: name another folder")
    files.check_place(out, "the network")
    loaded = load(context, key)
    if loaded.record.form != MODULE:
        return _as_it_came(loaded, context, out=out, shrink=shrink, form=form)
    images = _images(context, loaded)
    plain = loaded.model.cpu().eval()
    model = shrunk_copy(plain, loaded.masks, example=images[:2]).eval() if shrink else plain
    difference = compare(plain, model, images)
    exported = FORMATS[form](model, loaded, images)
    config = _config(loaded, shrink=shrink, form=form)
    _write(out, exported, config)
    return {
        "key": key,
        "out": str(out),
        "format": form,
        "shrunk": shrink,
        "logit_difference": difference,
        **_sizes(plain, "masked", config["size"], loaded.dataset.planes),
        **_sizes(model, "exported", config["size"], loaded.dataset.planes),
        "file_bytes": len(exported.data),
    }


def _write(out: Path, exported: Exported, config: Mapping[str, Any]) -> None:
    parts = {
        exported.name: exported.data,
        "config.json": json.dumps(config, indent=2, sort_keys=True).encode(),
        "load.py": _script(exported).encode(),
    }
    files.check_place(out, "the network", wanted=sum(map(len, parts.values())))
    for name, data in parts.items():
        files.write(out / name, data, within=out)


def _as_it_came(loaded: Loaded, context: Context, *, out: Path, shrink: bool, form: str) -> dict[str, Any]:
    """Write the program's own bytes; it is neither shrunk nor converted."""
    own = loaded.record.form
    if shrink or form not in (own, DEFAULT_FORMAT):
        raise UsageError(f"{loaded.record.key} is a program ({own}): it can only be exported unchanged")
    data = context.store.tensors(loaded.record.key)[0][PROGRAM].tobytes()
    exported = Exported(f"model{FORMS[own].ending}", data, OPENS[own])
    _write(out, exported, _config(loaded, shrink=False, form=own))
    row = {"key": loaded.record.key, "out": str(out), "format": own, "shrunk": False}
    return row | {"file_bytes": len(data)}


@torch.no_grad()
def compare(plain: nn.Module, model: nn.Module, images: Tensor) -> float:
    """Largest difference of two networks' logits on images; :class:`PrunekitError` if it exceeds rounding."""
    expected, again, found = plain(images), plain(images), model(images)
    if not torch.equal(expected, again):
        raise UsageError(
            "the network gives different outputs for the same images, so the export cannot be "
            "checked: remove randomness from its evaluation mode (such as dropout with training=True)"
        )
    difference = float((expected - found).abs().max())
    if difference > TOLERANCE * max(1.0, float(expected.abs().max())):
        raise PrunekitError(f"the shrunk network's logits differ by {difference:.2g}: nothing was written")
    return difference


def _images(context: Context, loaded: Loaded) -> Tensor:
    opened = loaded.dataset
    pool = examples(opened.name, context.data, view=view_of(opened))
    images, _ = pool.take(torch.arange(min(CHECKED_IMAGES, len(pool))))
    return Normaliser(opened)(images)


def _config(loaded: Loaded, *, shrink: bool, form: str) -> dict[str, Any]:
    return {
        "key": loaded.record.key,
        "arch": loaded.record.arch,
        "classes": list(loaded.dataset.classes),
        **to_json(Preprocessing.of(loaded.dataset)),
        "prune_ratio": loaded.record.prune_ratio,
        "test_error": loaded.record.error,
        "shrunk": shrink,
        "format": form,
    }


def _sizes(model: nn.Module, name: str, size: list[int], channels: int) -> dict[str, Any]:
    sides = (size[0], size[1])
    counted, timed = cost(model, sides, channels=channels), latency(model, sides, channels=channels)
    return {
        f"{name}_parameters": counted.parameters,
        f"{name}_multiplications": counted.multiplications,
        f"{name}_latency_ms": timed.median,
    }


def _as_safetensors(model: nn.Module, loaded: Loaded, images: Tensor) -> Exported:
    arch = loaded.record.arch
    whole = build(arch, classes=len(loaded.dataset.classes), seed=0)
    written = sizes_of(model, whole)
    metadata = {SIZES: json.dumps(written, sort_keys=True)} if written else None
    data = save_safetensors(_separate(model.state_dict()), metadata=metadata)
    door, _, name = arch.partition(":")
    # A segmentation network returns logits alone only behind prunekit's door.
    builds = _BUILD if isinstance(model, Segmenter) else BUILDERS.get(door, _BUILD)
    opens = _OPEN_WEIGHTS.replace("BUILD", builds.format(arch=arch, name=name))
    fits = any(isinstance(module, attention.PrunedAttention) for module in model.modules())
    for module, wanted, call in ((attention, fits, _FIT_ATTENTION), (sizes, bool(written), _RESIZE)):
        code = inspect.getsource(module).replace("from __future__ import annotations\n", "")
        opens = opens.replace("model.eval()\n", f"{code}{call}model.eval()\n") if wanted else opens
    return Exported("model.safetensors", data, opens)


def _separate(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in memory of their own: tied tensors are written under each name, so that any reader finds them."""
    found: dict[str, Tensor] = {}
    shared: set[int] = set()
    for name, tensor in weights.items():
        found[name] = tensor.clone() if tensor.data_ptr() in shared else tensor.contiguous()
        shared.add(tensor.data_ptr())
    return found


def _traced(export: Callable[[], Any]) -> Any:
    """The export from torch; a one-line :class:`UsageError` if torch cannot trace the network."""
    try:
        return export()
    except Exception as error:  # torch raises dozens of classes
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(
            f"torch.export cannot trace this network: {why} (export safetensors, or remove "
            "data-dependent code from its forward pass)"
        ) from None


def _as_torch_export(model: nn.Module, loaded: Loaded, images: Tensor) -> Exported:
    import io

    batch = torch.export.Dim("batch", min=1)
    program = _traced(lambda: torch.export.export(model, (images[:2],), dynamic_shapes=({0: batch},)))
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return Exported("model.pt2", buffer.getvalue(), _OPEN_PROGRAM)


def _as_onnx(model: nn.Module, loaded: Loaded, images: Tensor) -> Exported:
    import tempfile

    try:
        import onnxscript  # noqa: F401 - torch needs it to write ONNX
    except ImportError:
        raise UsageError("the onnx format needs more packages: pip install 'prunekit[export]'") from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            model,
            (images[:2],),
            str(path),
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            dynamo=True,
            verbose=False,
        )
        return Exported("model.onnx", path.read_bytes(), _OPEN_ONNX)


FORMATS: dict[str, Callable[[nn.Module, Loaded, Tensor], Exported]] = {
    "safetensors": _as_safetensors,
    "torch-export": _as_torch_export,
    "onnx": _as_onnx,
}

BUILDERS = {
    "timm": "import timm\n\nmodel = timm.create_model({name!r}, num_classes=len(config['classes']))",
    "torchvision": "import torchvision\n\n"
    "model = torchvision.models.get_model({name!r}, num_classes=len(config['classes']))",
}
_BUILD = "import prunekit\n\nmodel = prunekit.build({arch!r}, classes=len(config['classes']))"
_OPEN_WEIGHTS = """\
import torch
from safetensors import safe_open
from safetensors.torch import load_file
BUILD
weights = load_file(folder / "model.safetensors")
for name, tensor in weights.items():  # layers may be narrower than the architecture says
    owner, _, field = name.rpartition(".")
    module = model.get_submodule(owner)
    old = getattr(module, field)
    own = isinstance(old, torch.nn.Parameter)
    setattr(module, field, torch.nn.Parameter(tensor, old.requires_grad) if own else tensor)
model.eval()


def logits(images):
    with torch.no_grad():
        return model(torch.as_tensor(images))
"""
_FIT_ATTENTION = """

fit_(model)  # attention: as many heads as the weights have
"""
_RESIZE = """

with safe_open(folder / "model.safetensors", "pt") as file:  # the numbers that modules store
    resize_(model, json.loads(file.metadata()["sizes"]))
"""
_OPEN_PROGRAM = """\
import torch

model = torch.export.load(folder / "model.pt2").module()


def logits(images):
    with torch.no_grad():
        return model(torch.as_tensor(images))
"""
_OPEN_ONNX = """\
import onnxruntime

session = onnxruntime.InferenceSession(str(folder / "model.onnx"))


def logits(images):
    return session.run(None, {session.get_inputs()[0].name: images})[0]
"""
OPENS = {"torch-export": _OPEN_PROGRAM, "onnx": _OPEN_ONNX}


def _script(exported: Exported) -> str:
    """A short program that opens the folder and classifies an image."""
    return _HEAD + exported.opens + _TAIL


_HEAD = '''\
"""Open this network and classify images: python load.py IMAGE..."""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

folder = Path(__file__).parent
config = json.loads((folder / "config.json").read_text())
'''
_TAIL = '''

def read(path):
    """One image as the network takes it: scaled and cropped, channels in order, in [0, 1], normalised."""
    image = view(Image.open(path).convert("RGB"))
    pixels = np.asarray(image.convert("L") if config["channels"] == "grey" else image, np.float32) / 255
    pixels = np.atleast_3d(pixels).transpose(2, 0, 1)
    if config["channels"] == "bgr":
        pixels = pixels[::-1].copy()
    mean, std = (np.array(config[name], np.float32).reshape(-1, 1, 1) for name in ("mean", "std"))
    return (pixels - mean) / std


def view(image):
    """Scaled to "resize" (none: until it just covers "size"), and the centre of "size" (height, width)."""
    height, width = config["size"]
    side, filtered = config["resize"], Image.Resampling[config["interpolation"].upper()]
    if side is None and image.size == (width, height):
        return image
    if config["crop"] == "squash":
        scaled = (side or width, side or height)
    elif side:
        scaled = [side if edge == min(image.size) else side * edge // min(image.size) for edge in image.size]
    elif image.height * width <= image.width * height:
        scaled = (max(width, height * image.width // image.height), height)
    else:
        scaled = (width, max(height, width * image.height // image.width))
    image = image.resize(tuple(scaled), filtered)
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))


if __name__ == "__main__":
    for path in sys.argv[1:]:
        scores = np.asarray(logits(read(path)[None]))[0]
        print(path, config["classes"][int(scores.argmax())])
'''
