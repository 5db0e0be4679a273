import json
import os

import pytest

from prunekit.errors import UsageError
from prunekit.steps.exported import read_folder


@pytest.fixture
def exported(tmp_path):
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "config.json").write_text(json.dumps({"size": [8, 9], "arch": "resnet8", "mean": [0.5]}))
    return tmp_path


def test_the_fields_of_an_import(exported):
    found = read_folder(exported)
    assert found.path == exported / "model.safetensors"
    assert found.fields == {"image_size": [8, 9], "arch": "resnet8", "mean": [0.5]}


ODD = {
    "fifo": os.mkfifo,
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "sparse": lambda path: (path.touch(), os.truncate(path, 10**13)),
    "nested": lambda path: path.write_text("[" * 10**5),
    "a list": lambda path: path.write_text("[]"),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_config_that_is_none_is_refused_and_not_waited_for(exported, kind):
    (exported / "config.json").unlink()
    ODD[kind](exported / "config.json")
    with pytest.raises(UsageError, match="not one that `prunekit export` wrote"):
        read_folder(exported)
