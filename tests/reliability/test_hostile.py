"""Generated bad inputs: flags, recipes, stdin, safetensors and .npy headers, image files. No traceback, no hang, no write.

A default run tries about a hundred; ``-m slow`` two thousand.
"""

import json
import struct

import hostile
import pytest
import torch
from hostile import JUNK, VALUES, framed
from hypothesis import given
from hypothesis import strategies as st

from prunekit.cli.app import COMMANDS
from prunekit.data.datasets import open_dataset
from prunekit.data.npy import read_labels
from prunekit.errors import PrunekitError
from prunekit.params import STEPS

few_or_many = hostile.few_or_many(20, 340)
FLAGS = sorted({f"--{name.replace('_', '-')}" for step in STEPS.values() for name in step.model_fields})
COMPUTING = [
    name for name in COMMANDS if name not in ("data", "export")
]  # these two write where they are told to
WORDS = JUNK | st.sampled_from(
    [*FLAGS, "small", "digits", "wt", "resnet8", "--json", "-q", "--device", "--set", "--only"]
)


def toml(value):
    """A value as TOML writes it, near enough."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(str(name))} = {toml(item)}" for name, item in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if not isinstance(value, float) else repr(value)


STAGE = st.fixed_dictionaries(
    {"run": st.lists(st.sampled_from([*STEPS, "x"]), min_size=1, max_size=3) | VALUES},
    optional={
        name: VALUES | st.sampled_from(["a", "digits", "wt", "resnet8", [0.5, 0.8], {"seed": [0, 1]}])
        for name in (
            "label",
            "parent",
            "model",
            "sweep",
            "cascade",
            "method",
            "prune_ratio",
            "arch",
            "dataset",
            "vars",
            "seed",
        )
    },
)
RECIPES = st.text(max_size=60) | st.lists(STAGE, max_size=3).map(
    lambda stages: "".join(
        "[[stage]]\n" + "".join(f"{name} = {toml(value)}\n" for name, value in stage.items())
        for stage in stages
    )
)
LINES = (
    JUNK | VALUES.map(json.dumps) | st.dictionaries(st.sampled_from(["key", "kind"]), VALUES).map(json.dumps)
)
STDIN = st.lists(LINES, max_size=3).map("\n".join)


READING = st.sampled_from(
    [
        ("prune", "-", "--method", "wt", "--prune-ratio", ".5"),
        ("retrain", "-"),
        ("show", "-"),
        ("potential", "-"),
        ("report", "-"),
    ]
)


HEADERS = (
    st.binary(max_size=64)
    | VALUES.map(framed)
    | VALUES.map(lambda value: framed({"__metadata__": {"prunekit": json.dumps(value)}}))
    | st.fixed_dictionaries({"format": VALUES, "header": VALUES, "data": VALUES, "record": VALUES}).map(
        lambda value: framed({"__metadata__": {"prunekit": json.dumps(value)}, "w": {"data_offsets": [0, 4]}})
    )
)


IMAGES = st.binary(max_size=80) | st.sampled_from(
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM"]
).flatmap(lambda magic: st.binary(max_size=80).map(lambda rest: magic + rest))


NPY = st.binary(max_size=60) | st.tuples(st.text(max_size=60), st.binary(max_size=8)).map(
    lambda parts: (
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(parts[0].encode())) + parts[0].encode() + parts[1]
    )
)


@few_or_many
def test_command_lines(refused, how):
    @how
    @given(st.sampled_from(COMPUTING) | JUNK, st.lists(WORDS, max_size=5))
    def tried(name, words):
        refused(name, *words)

    tried()


@few_or_many
def test_recipes(refused, place, how):
    @how
    @given(RECIPES)
    def tried(text):
        (place / "hostile.toml").write_text(text, encoding="utf-8", errors="replace")
        refused("run", "hostile.toml", "--dry-run")
        refused("status", "hostile.toml")
        refused("recipe", "validate", "hostile.toml")

    tried()


@few_or_many
def test_stdin(refused, how):
    @how
    @given(READING, STDIN)
    def tried(args, text):
        refused(*args, stdin=text)

    tried()


@few_or_many
@pytest.mark.parametrize("name", ["models/train-00000000000000aa", "measurements/error-00000000000000aa"])
def test_headers(refused, place, how, name):
    path = place / "store" / f"{name}.safetensors"

    @how
    @given(HEADERS)
    def tried(data):
        path.write_bytes(data)
        assert refused("ls", path.parent.name).code == 3
        assert refused("verify").code == 3

    try:
        tried()
    finally:
        path.unlink()


@few_or_many
def test_images(tmp_path, how):
    paths = [tmp_path / "photos" / split / "cats" / "a.png" for split in ("train", "test")]
    for path in paths:
        path.parent.mkdir(parents=True)

    @how
    @given(IMAGES)
    def tried(data):
        for path in paths:
            path.write_bytes(data)
        with pytest.raises(PrunekitError) as caught:
            open_dataset(f"folder:{tmp_path / 'photos'}", tmp_path).load("train").take(torch.tensor([0]))
        assert "\n" not in str(caught.value)

    tried()


@few_or_many
def test_npy_files(tmp_path, how):
    path = tmp_path / "labels.npy"

    @how
    @given(NPY)
    def tried(data):
        path.write_bytes(data)
        with pytest.raises(PrunekitError) as caught:
            read_labels(path, "cifar10.1", classes=10, count=4)
        assert "\n" not in str(caught.value)

    tried()
