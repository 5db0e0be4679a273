import shutil
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from prunekit.data.datasets import Dataset
from prunekit.data.examples import FileExamples
from prunekit.errors import UsageError
from prunekit.steps.context import TrainingData, dataset, epoch_images, provenance


def test_bytes_do_not_depend_on_which_of_equal_gpus_a_worker_had(pretend_gpu):
    with pretend_gpu():
        found = provenance("cuda:0")
        assert found == provenance("cuda") == provenance("cuda:1")
    assert found["device"] == "cuda (pretend)"
    assert found["cuda"] == torch.version.cuda
    assert isinstance(found["cudnn"], int)
    assert "cuda" not in provenance("cpu")


def test_images_in_files_are_refused_for_robust_training_before_any_is_read():
    read = []
    examples = FileExamples(list(range(500)), torch.zeros(500, dtype=torch.int64), read.append)
    half = (0.5,) * 3
    of = Dataset(
        "many", "classification", ("a",), half, half, (8, 8), "none", ("train",), lambda split: examples
    )
    root = SimpleNamespace(train_distribution="many+mix1", seed=0, dataset="many")
    with pytest.raises(UsageError, match="many is too large"):
        epoch_images(root, TrainingData(of, examples, examples))
    assert read == []


def test_a_relative_folder_is_that_of_where_the_process_is_now(folder, tmp_path, monkeypatch):
    sizes = []
    for name, side in (("one", 8), ("other", 12)):
        copied = shutil.copytree(folder, tmp_path / name / "photos")
        for image in copied.rglob("*.png"):
            Image.open(image).resize((side, side)).save(image)
        monkeypatch.chdir(tmp_path / name)
        sizes.append(dataset("folder:photos", tmp_path).size)
    assert sizes == [(8, 8), (12, 12)]
    assert dataset("folder:photos", tmp_path) is dataset("folder:photos", tmp_path)
