"""Generated hostile inputs of the kinds that types let through: files that are none, records, numbers, bombs, names.

Each ends in one line, soon, without a traceback, and sends no control character to a terminal. A default run tries few;
``-m slow`` two thousand.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import time

import hostile
import pytest
from hostile import JUNK, VALUES
from hypothesis import given
from hypothesis import strategies as st

from prunekit.params import PruneParams, RetrainParams, TrainParams
from prunekit.params.bounds import MOST_WORKERS
from prunekit.store import archive

few_or_many = hostile.few_or_many(12, 340)
SECONDS = 20  # of the processor; what is refused takes a fraction of one
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
STEPS = {
    TrainParams: ("train", "--arch", "resnet8", "--dataset", "digits"),
    PruneParams: ("prune", "small", "--method", "wt", "--prune-ratio", "0.5"),
    RetrainParams: ("retrain", "small"),
}
RECIPE = """
[[stage]]
label = "parents"
run = ["train"]
arch = "resnet8"
dataset = "digits"
"""


@pytest.fixture
def quick(refused):
    """Call a command that ends soon, in words without control characters."""

    def call(*args, **how):
        started = time.process_time()
        ran = refused(*args, **how)
        assert time.process_time() - started < SECONDS, args
        assert not CONTROL.search(ran.err), (args, ran.err)
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", ran.out), (args, ran.out)
        return ran

    return call


# Files that are none.

HEX = "0" * 14 + "aa"
PLACES = (
    f"models/train-{HEX}.safetensors",
    f"measurements/error-{HEX}.safetensors",
    f"checkpoints/train-{HEX}.safetensors",
    f"imports/{HEX * 4}.pt",
    f"locks/train-{HEX}",
    f"logs/train-{HEX}.log",
    "labels/odd",
    "costs/noise.jsonl",
)
COMMANDS = (
    ("ls",),
    ("ls", "measurements"),
    ("verify",),
    ("gc", "--dry-run"),
    ("status", "study.toml"),
    ("run", "study.toml", "--dry-run", "--no-calibrate"),
    ("show", "odd"),
    ("prune", "small", "--method", "wt", "--prune-ratio", "0.5", "--label", "odd"),
)


def listen(path):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as opened:
        opened.bind(os.path.relpath(path))  # names of sockets are short


def sparse(path, start=b""):
    path.write_bytes(start)
    os.truncate(path, 10**13)


ODD = {
    "fifo": os.mkfifo,
    "socket": listen,
    "folder": lambda path: path.mkdir(),
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "empty device": lambda path: path.symlink_to("/dev/null"),
    "link to itself": lambda path: path.symlink_to(path),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "sparse": sparse,
    "sparse of a long header": lambda path: sparse(path, (10**12).to_bytes(8, "little")),
    "sparse of a header": lambda path: sparse(path, hostile.framed({"__metadata__": {"prunekit": "{}"}})),
    "empty": lambda path: path.touch(),
}


def put_away(path):
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


@few_or_many
def test_files_that_are_none(quick, place, how):
    (place / "study.toml").write_text(RECIPE)

    @how
    @given(st.sampled_from(PLACES), st.sampled_from(sorted(ODD)), st.sampled_from(COMMANDS))
    def tried(name, kind, command):
        path = place / "store" / name
        path.parent.mkdir(exist_ok=True)
        ODD[kind](path)
        try:
            quick(*command)
        finally:
            put_away(path)

    tried()


@few_or_many
def test_inputs_that_are_no_files(quick, place, how):
    commands = (
        ("run", "odd.toml", "--dry-run"),
        ("recipe", "validate", "odd.toml"),
        ("import", "odd.toml", "--arch", "resnet8", "--dataset", "digits"),
        ("outcomes", "add", "odd.toml", "--model", "x", "--distribution", "digits"),
        ("train", "--arch", "resnet8", "--dataset", "folder:odd.toml"),
        ("train", "--arch", "resnet8", "--dataset", "hf:odd.toml"),
    )

    @how
    @given(st.sampled_from(sorted(ODD)), st.sampled_from(commands))
    def tried(kind, command):
        ODD[kind](place / "odd.toml")
        try:
            assert quick(*command).code != 0
        finally:
            put_away(place / "odd.toml")

    tried()


# Records.


def places_in(value, above=()):
    """The way to every value in a JSON document."""
    yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield from places_in(item, (*above, name))


def replaced(document, way, value):
    if not way:
        return value
    copy = json.loads(json.dumps(document))
    inner = copy
    for name in way[:-1]:
        inner = inner[name]
    inner[way[-1]] = value
    return copy


@few_or_many
@pytest.mark.parametrize("folder", ["models", "measurements"])
def test_records_with_right_digests(quick, place, how, folder):
    path = next((place / "store" / folder).glob("*.safetensors"))
    whole = path.read_bytes()
    arrays, record = archive.read(path)

    @how
    @given(
        st.sampled_from(sorted(places_in(record), key=str)),
        VALUES | st.sampled_from([-5, 10**30, "\x1b[2J", {}]),
    )
    def tried(way, value):
        try:
            data = archive.dump(arrays, replaced(record, way, value) if way else {"key": value})
        except (ValueError, TypeError, UnicodeError):
            return  # no file can hold it
        path.write_bytes(data)
        for command in (("ls", folder), ("verify",), ("show", "small"), ("report", "small", "--claims")):
            quick(*command)

    try:
        tried()
    finally:
        path.write_bytes(whole)


@few_or_many
def test_cost_notes(quick, place, how):
    (place / "study.toml").write_text(RECIPE)
    path = place / "store" / "costs" / "train.jsonl"
    before = path.read_bytes()
    fields = st.sampled_from(["seconds", "epochs", "arch", "dataset", "key"])
    values = VALUES | st.sampled_from([10**400, float("inf"), float("nan"), -1, 1e308])

    @how
    @given(st.lists(st.dictionaries(fields, values, min_size=1), max_size=3), st.binary(max_size=20))
    def tried(notes, rest):
        path.write_bytes(before + "".join(json.dumps(note) + "\n" for note in notes).encode() + rest)
        quick("run", "study.toml", "--dry-run", "--no-calibrate", "--force=parents")

    try:
        tried()
    finally:
        path.write_bytes(before)


# Numbers, names, recipes.

NUMBERS = (
    st.integers(-(10**40), 10**40).map(str)
    | st.floats().map(str)
    | st.sampled_from(
        ["1e400", "-0", "0x10", "\u0661", "1_000", "9" * 5000, "5e-324", "1e308", "0." + "0" * 400 + "1"]
    )
)


def starts(number):
    """Whether so many processes would be started."""
    try:
        return 1 < int(number) <= MOST_WORKERS
    except ValueError:
        return False


@few_or_many
def test_numbers(quick, place, how):
    (place / "study.toml").write_text(RECIPE)
    flags = [
        (words, f"--{name.replace('_', '-')}")
        for params, words in STEPS.items()
        for name, field in params.model_fields.items()
        if re.search("int|float", str(field.annotation)) and f"--{name.replace('_', '-')}" not in words
    ]
    others = [
        (("show", "small", "--latency"), "--repeats"),
        (STEPS[TrainParams], "--threads"),
        (STEPS[TrainParams], "--devices"),
        (("run", "study.toml", "--dry-run", "--no-calibrate"), "--jobs"),
        (("recipe", "init", "--arch", "resnet8", "--dataset", "digits"), "--seeds"),
        (("recipe", "init", "--arch", "resnet8", "--dataset", "digits"), "--epochs"),
        (("power", "--images", "100", "--seeds", "2"), "--comparisons"),
    ]

    @how
    @given(st.sampled_from([*flags, *others]), NUMBERS)
    def tried(flag, number):
        words, name = flag
        if name != "--devices" or not starts(number):
            quick(*words, f"{name}={number}")

    tried()


NAMES = (
    JUNK
    | st.text(st.characters(codec=None), max_size=40)
    | st.sampled_from(
        [
            "../x",
            "a/b",
            ".",
            "..",
            "\x1b[2J\x1b]0;owned\x07",
            "a" * 300,
            f"train-{HEX}",
            "\u202eevil",
            "a\nb",
            "[red]x[/red]",
            "\udcff",
        ]
    )
)


@few_or_many
def test_names(quick, place, how):
    commands = (
        lambda name: (*STEPS[TrainParams], f"--label={name}"),
        lambda name: ("show", "--", name),
        lambda name: ("train", "--arch", name, "--dataset", "digits"),
        lambda name: ("train", "--arch", "resnet8", "--dataset", f"folder:{name}"),
        lambda name: ("potential", "small", f"--distribution={name}"),
        lambda name: ("run", "study.toml", "--dry-run", "--no-calibrate", "--set", f"parents.{name}"),
        lambda name: ("run", "study.toml", "--dry-run", "--no-calibrate", f"--only={name}"),
        lambda name: ("recipe", "init", "--arch", "resnet8", "--dataset", f"folder:{name}"),
        lambda name: ("report", "small", f"--out={name}/x/y", "--claims"),
    )
    (place / "study.toml").write_text(RECIPE)

    @how
    @given(st.sampled_from(commands), NAMES)
    def tried(command, name):
        quick(*command(name))

    tried()


SIZES = st.sampled_from([1, 2, 100, 1000, 30_000])
# No power of these is the largest number of steps, which is allowed and takes a minute (benchmarks/engine.py).
VALUES_SWEPT = st.sampled_from([1, 2, 101, 1001, 30_000])


def swept(fields, values):
    names = ["seed", "epochs", "batch_size", "step_epochs", "warmup_epochs"][:fields]
    sweeps = ", ".join(f"{name} = [{', '.join(map(str, range(1, values + 1)))}]" for name in names)
    return f"{RECIPE}sweep = {{ {sweeps} }}\n"


def nested(depth, inner):
    return f"{RECIPE}{inner} = {'[' * depth}{']' * depth}\n"


def variables(count, length):
    used = "".join(f"${{v{place}}}" for place in range(count))
    return (
        "[vars]\n"
        + "".join(f'v{place} = "{"x" * length}"\n' for place in range(count))
        + f'{RECIPE}cascade = "{used * 9}"\n'
    )


BOMBS = (
    st.builds(swept, st.integers(1, 5), VALUES_SWEPT)
    | st.builds(nested, SIZES, st.sampled_from(["sweep", "seed", "label"]))
    | st.builds(variables, st.sampled_from([1, 100, 1000]), st.sampled_from([1, 1000]))
    | SIZES.map(lambda count: RECIPE * count)
    | SIZES.map(lambda count: "".join(RECIPE.replace("parents", f"p{place}") for place in range(count)))
    | st.integers(1, 3).map(lambda place: f'extends = "bomb{place}.toml"\n{RECIPE}')
    | SIZES.map(lambda count: f"{RECIPE}seed = {'9' * count}\n")
    | SIZES.map(lambda count: f'title = "\\u001b[2J{"x" * count}"\n{RECIPE}')
    | st.just('title = "\\u009b2J"' + RECIPE.replace("parents", "\\u001b]0;owned\\u0007"))
)


@few_or_many
def test_recipes_that_explode(quick, place, how):
    @how
    @given(BOMBS, BOMBS, st.sampled_from(["explain", "validate", "dry-run", "status"]))
    def tried(first, second, command):
        (place / "bomb1.toml").write_text(first)
        (place / "bomb2.toml").write_text(second)
        (place / "bomb3.toml").write_text('extends = "bomb2.toml"\n')
        words = {
            "dry-run": ("run", "bomb1.toml", "--dry-run", "--no-calibrate"),
            "status": ("status", "bomb1.toml", "--summary"),
        }
        quick(*words.get(command, ("recipe", command, "bomb1.toml")))

    tried()
