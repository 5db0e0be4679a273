"""Make a torch.export archive safe to open: what torch would unpickle, evaluate or import is removed or refused.

``torch.export.load`` falls back to unrestricted unpickling, evaluates symbolic expressions and guards, and calls
functions by name. The cleaned archive has only raw tensors and a graph of tensor operators.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from prunekit.errors import UsageError

GRAPH = re.compile(r"models/[^/]+\.json")
SAMPLES = re.compile(r"data/sample_inputs/[^/]+\.pt")
RAW = re.compile(r"data/(weights|constants)/[\w.]+")
PLAIN = ("archive_format", "archive_version", "byteorder", ".data/version")
# Operators on tensors and sizes; none of them can reach a file or another module.
OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|quantized_decomposed)\.\w+(\.\w+)?"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|neg|pow|eq|ne|lt|le|gt|ge|getitem)"
    r"|math\.(ceil|floor|trunc|sqrt)|torch\.sym_(int|float|max|min|not|sqrt|ite)"
)
# Sizes are written as sympy constructors: Symbol('s31', positive=True, integer=True), Add(Integer(1), ...).
NAMED = re.compile(r"'[suz]\w{0,8}'")
WORDS = re.compile(
    r"Symbol|Integer|Rational|Add|Mul|Pow|Max|Min|Mod|PythonMod|FloorDiv|CleanDiv|CeilDiv|IntTrueDiv|PowByNatural"
    r"|positive|nonnegative|nonzero|integer|real|commutative|True|False|[su]\d+"
)
EXPRESSION = re.compile(r"[\w\s+\-*/%(),<>=!&|]*")


def cleaned(data: bytes, name: str) -> bytes:
    """The archive without samples, metadata and guards; :class:`UsageError` if it cannot be opened safely."""
    try:
        source = zipfile.ZipFile(io.BytesIO(data))
        members = {info.filename: info for info in source.infolist()}
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise UsageError(f"{name} is not a torch.export program: {error}") from None
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as target:
        for path, info in members.items():
            if info.compress_type != zipfile.ZIP_STORED:
                raise UsageError(f"{name} is a compressed archive, which torch.export does not write")
            kept = _member(path.partition("/")[2], source.read(info), name)
            if kept is not None:
                target.writestr(zipfile.ZipInfo(path), kept)
    if not any(GRAPH.fullmatch(path.partition("/")[2]) for path in members):
        raise UsageError(f"{name} has no graph: write it with torch.export.save of torch 2.9 or later")
    return result.getvalue()


def _member(path: str, data: bytes, name: str) -> bytes | None:
    """The part of an archive member that is kept; None if the member is dropped."""
    if GRAPH.fullmatch(path):
        return _checked_graph(_json(data, path, name), name)
    if RAW.fullmatch(path):
        if path.endswith(".json"):
            _check_config(_json(data, path, name), name)
        return data
    if SAMPLES.fullmatch(path):
        return b""  # torch looks for this member, but reads nothing if it is empty
    return data if path in PLAIN else None


def _json(data: bytes, path: str, name: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"{name} is damaged: {path} is not JSON") from None


def _check_config(config: Any, name: str) -> None:
    """Refuse tensors that are not raw bytes, such as pickled ones."""
    entries = config.get("config", {}) if isinstance(config, dict) else {}
    for key, entry in entries.items():
        place = str(entry.get("path_name", "")) if isinstance(entry, dict) else ""
        if not re.fullmatch(r"(weight|tensor)_\d+", place) or entry.get("use_pickle"):
            raise UsageError(f"{name} contains {key!r} as a pickled object, which prunekit does not open")


def _checked_graph(graph: Any, name: str) -> bytes:
    for field, value in _strings(graph):
        if field == "target" and not OPERATOR.fullmatch(value):
            raise UsageError(f"{name} calls {value!r}, but prunekit runs only torch's operators on tensors")
        if field == "expr_str" and not _harmless(value):
            raise UsageError(f"{name} has a size {value!r} that is not plain arithmetic")
    if isinstance(graph, dict):
        graph = graph | {"guards_code": []}
    return json.dumps(_without_metadata(graph)).encode()


def _harmless(expression: str) -> bool:
    plain = NAMED.sub("0", expression)
    words = re.findall(r"[A-Za-z_]\w*", plain)
    return bool(EXPRESSION.fullmatch(plain)) and all(WORDS.fullmatch(word) for word in words)


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Every text field of a JSON value, at any depth, as (field, text)."""
    left = [value]
    while left:
        item = left.pop()
        children = item.items() if isinstance(item, dict) else ()
        yield from ((str(field), child) for field, child in children if isinstance(child, str))
        left += [
            child
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]


def _without_metadata(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            field: {} if field == "metadata" else _without_metadata(child) for field, child in value.items()
        }
    return [_without_metadata(child) for child in value] if isinstance(value, list) else value
