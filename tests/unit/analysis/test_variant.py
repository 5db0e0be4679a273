import json

import pytest

from prunekit.analysis.variant import Role, Variant, settings_of

FIELDS = {
    "role": Role.COMPRESSED,
    "method": "ft",
    "retraining": "fine-tune",
    "retrain_epochs": 3,
    "cascade": True,
    "train_distribution": "digits+mix1",
    "arch": "resnet8",
    "dataset": "digits",
    "settings": settings_of({"train": {"lr": 0.05}}),
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_sets_variants_apart(name):
    other = Variant()._replace(**{name: FIELDS[name]})
    assert other != Variant()
    assert other.id != Variant().id


def test_a_network_has_one_id_as_parent_and_as_separate_network():
    parent, separate = (Variant(role=role, arch="resnet8") for role in (Role.PARENT, Role.SEPARATE))
    assert parent.id == separate.id
    assert Variant(method="mine", structure="filter").id == Variant(method="mine").id


def test_settings_are_canonical():
    assert settings_of({"b": 1.0, "a": (1, 2)}) == settings_of({"a": [1.0, 2.0], "b": 1})


def test_the_columns_are_json():
    columns = Variant(**FIELDS).columns()
    assert json.loads(json.dumps(columns)) == columns
    assert columns["settings"] == {"train": {"lr": 0.05}}
    assert set(columns) == {"variant", *Variant._fields}
