import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from prunekit.errors import UsageError
from prunekit.params import STEPS, ErrorParams, NoiseParams, PruneParams, ReportParams, TrainParams, key_of

BASE = {"arch": "resnet20", "dataset": "cifar10"}

# Keys are promises: results of earlier versions are found under them. Never change a line here; add lines.
GOLDEN = {
    "train-4cb3d101b7093e5d": ("train", {"arch": "resnet20", "dataset": "cifar10"}),
    "train-07433a9611625cfc": (
        "train",
        {
            "epochs": 6,
            "lr": 0.05,
            "nesterov": True,
            "milestones": [3, 5],
            "arch": "resnet8",
            "dataset": "digits",
            "seed": 1,
        },
    ),
    "prune-02b535ad2d5a2c12": (
        "prune",
        {"parent": "train-4cb3d101b7093e5d", "method": "sipp", "prune_ratio": 0.8},
    ),
    "retrain-e623eacbffc4ad7f": (
        "retrain",
        {"parent": "prune-0123456789abcdef", "mode": "fine-tune", "epochs": 4},
    ),
    "prune-c25e48e54a685803": (
        "prune",
        {"parent": "train-4cb3d101b7093e5d", "method": "ft", "prune_ratio": 0.5, "repair": True},
    ),
    "retrain-ece0180939e48a6e": (
        "retrain",
        {"parent": "prune-0123456789abcdef", "mode": "least-squares"},
    ),
    "error-8c9e8abe57b4441e": (
        "error",
        {"model": "train-4cb3d101b7093e5d", "distribution": "cifar10-c/fog@3"},
    ),
    "noise-a1e2b183c6cc02f1": (
        "noise",
        {
            "model": "retrain-0123456789abcdef",
            "to": "train-4cb3d101b7093e5d",
            "images": 200,
            "levels": [0.0, 0.1],
        },
    ),
    "features-95f8475fa9aa8035": ("features", {"model": "train-4cb3d101b7093e5d", "images": 10}),
    "transfer-f56761df61c74cec": (
        "transfer",
        {"features": "features-0123456789abcdef", "model": "train-4cb3d101b7093e5d"},
    ),
    "import-20c0197492282f12": (
        "import",
        {"arch": "timm:convnext_atto", "dataset": "folder:photos", "weights": "pretrained"},
    ),
}


@pytest.mark.parametrize("key", GOLDEN)
def test_golden_keys(key):
    kind, fields = GOLDEN[key]
    assert STEPS[kind].read(fields).key == key


def test_defaults_stay_out_of_the_key():
    assert TrainParams(**BASE).key == TrainParams(**BASE, epochs=182, seed=0, lr=0.1).key


def test_one_is_one_point_zero():
    assert TrainParams.read(BASE | {"lr": 1}).key == TrainParams.read(BASE | {"lr": 1.0}).key
    assert TrainParams.read(BASE | {"lr": "1"}).key == TrainParams.read(BASE | {"lr": 1.0}).key


def test_another_value_is_another_key():
    assert TrainParams.read(BASE | {"lr": 0.2}).key != TrainParams.read(BASE).key


def test_the_parent_is_part_of_the_key():
    one, two = (PruneParams(parent=f"train-{digit * 16}", method="wt", prune_ratio=0.5).key for digit in "ab")
    assert one != two


@given(
    st.dictionaries(st.text(min_size=1), st.floats(allow_nan=False, allow_infinity=False), max_size=6),
    st.randoms(),
)
def test_the_order_of_fields_does_not_matter(fields, random):
    shuffled = list(fields.items())
    random.shuffle(shuffled)
    assert key_of("train", dict(shuffled)) == key_of("train", fields)


@pytest.mark.parametrize(
    ("cls", "fields", "message"),
    [
        (TrainParams, BASE | {"epoch": 3}, "unknown train field 'epoch'; did you mean 'epochs'?"),
        (TrainParams, BASE | {"lr": 0}, "lr: Input should be greater than 0"),
        (
            TrainParams,
            BASE | {"schedule": "mulitstep"},
            "train: unknown schedule 'mulitstep'; did you mean 'multistep'?",
        ),
        (TrainParams, {"arch": "resnet20"}, "dataset: Field required"),
        (PruneParams, {"parent": "x", "method": "wt", "prune_ratio": 1.0}, "prune_ratio"),
        (PruneParams, {"parent": "x", "method": "wt", "prune_ratio": 0}, "prune_ratio"),
        (PruneParams, {"parent": "x", "method": "wt", "prune_ratio": "much"}, "given: 'much'"),
        (NoiseParams, {"model": "a", "to": "b", "levels": [0.1, -1]}, "levels.1"),
        (NoiseParams, {"model": "a", "to": "b", "levels": [0.1, 1e308]}, "levels.1"),
        (NoiseParams, {"model": "a", "to": "b", "levels": [0.1, True]}, "levels cannot be true or false"),
        (TrainParams, BASE | {"epochs": True}, "epochs cannot be true or false (given: True)"),
        (TrainParams, BASE | {"seed": False}, "seed cannot be true or false"),
        (ReportParams, {"margin": True}, "margin cannot be true or false"),
        (TrainParams, BASE | {"lr": float("nan")}, "lr"),
        (
            TrainParams,
            BASE | {"seed": 10**20},
            "seed: Input should be less than or equal to 9223372036854775807",
        ),
        (TrainParams, BASE | {"batch_size": "1" + "0" * 30}, "batch_size"),
        (TrainParams, BASE | {"epochs": 10**20}, "epochs: Input should be less than or equal to 1000000"),
        (TrainParams, BASE | {"milestones": [10**20]}, "milestones.0"),
        (TrainParams, BASE | {"image_size": [10**9]}, "image_size.0"),
        (TrainParams, BASE | {"keep_epoch": 10**20}, "keep_epoch"),
        (NoiseParams, {"model": "a", "to": "b", "draws": 10**20}, "draws"),
        (ReportParams, {"resamples": 10**12}, "resamples: Input should be less than or equal to 1000000"),
        (ReportParams, {"top_k": 10**20}, "top_k"),
        (TrainParams, BASE | {"epochs": "9" * 3000}, "epochs"),
    ],
)
def test_a_wrong_field_is_one_line(cls, fields, message):
    with pytest.raises(UsageError) as caught:
        cls.read(fields)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("kind", STEPS)
def test_every_whole_number_has_a_bound(kind):
    """A number that no memory and no generator could take is refused when it is read, whatever its field."""
    for name, field in STEPS[kind].model_fields.items():
        if "int" in str(field.annotation):
            found = TypeAdapter(field.rebuild_annotation())
            with pytest.raises(ValidationError):
                found.validate_python((10**30,) if "tuple" in str(field.annotation) else 10**30), name


def test_params_are_frozen():
    with pytest.raises(Exception, match="frozen"):
        TrainParams(**BASE).lr = 1.0


def test_inputs_are_the_keys_that_a_step_needs():
    assert NoiseParams(model="a", to="b").inputs == ("a", "b")
    assert ErrorParams(model="a", distribution="digits").inputs == ("a",)
    assert TrainParams(**BASE).inputs == ()


@pytest.mark.parametrize("kind", STEPS)
def test_every_field_says_what_it_is(kind):
    undocumented = [name for name, field in STEPS[kind].model_fields.items() if not field.description]
    assert undocumented == []


def test_options_are_a_table_whose_order_means_nothing_and_none_is_no_part_of_a_key():
    fields = {"parent": "train-4cb3d101b7093e5d", "method": "sipp", "prune_ratio": 0.8}
    assert PruneParams.read(fields | {"options": {}}).key == "prune-02b535ad2d5a2c12"
    one, other = (
        PruneParams.read(fields | {"options": each}) for each in ({"n": 2, "m": 4}, {"m": 4, "n": 2})
    )
    assert one == other
    assert one.hashed()["options"] == {"m": 4, "n": 2}
    assert PruneParams.read(one.hashed()) == one
    assert one.key != PruneParams.read(fields | {"options": {"n": 1, "m": 4}}).key
    with pytest.raises(UsageError, match="expected a table of names and plain values"):
        PruneParams.read(fields | {"options": {"n": [1]}})


def test_code_of_ones_own_has_one_name():
    fields = {"parent": "train-4cb3d101b7093e5d", "prune_ratio": 0.8}
    one, other = (PruneParams.read(fields | {"method": f"module:{place}:f"}) for place in ("a/b.py", "a.b"))
    assert (one.method, one.key) == ("module:a.b:f", other.key)


def test_a_key_is_worked_out_once_and_a_changed_copy_has_its_own():
    one, other = (TrainParams(arch="resnet8", dataset="digits") for _ in range(2))
    assert one.key is one.key
    assert one == other
    assert hash(one) == hash(other)
    changed = one.model_copy(update={"epochs": 3})
    assert changed.key == TrainParams(arch="resnet8", dataset="digits", epochs=3).key != one.key
    assert "key" not in one.model_dump()
    assert pickle.loads(pickle.dumps(one)) == one
