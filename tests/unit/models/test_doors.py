"""Networks of other libraries and of the user's own modules."""

from pathlib import Path

import pytest
import torch

from prunekit.errors import UsageError
from prunekit.models.archs import build
from prunekit.models.doors import module

OWN = """
import torch

def builder(classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, classes))

def text(classes):
    return "not a network"

def picky():
    return torch.nn.Identity()
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that lies in the working directory."""
    name = f"own_nets_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    return name


def test_a_module_beside_the_work_is_found(own_module: str) -> None:
    assert build(f"module:{own_module}:builder", classes=3)(torch.zeros(1, 3, 2, 2)).shape == (1, 3)


@pytest.mark.parametrize(
    ("builder", "said"),
    [("text", "built a str"), ("picky", "cannot be built"), ("missing", "cannot be imported")],
)
def test_a_builder_that_builds_no_network_is_refused(own_module: str, builder: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build(f"module:{own_module}:{builder}")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("torchvision:mobilenetv2", "mobilenet_v2"),
        ("timm:convnext_ato", "convnext_atto"),
        ("module:no_such_package.nets:builder", "no_such_package"),
    ],
)
def test_a_name_that_a_library_has_not_is_refused(name: str, nearest: str) -> None:
    with pytest.raises(UsageError, match=nearest):
        build(name)


def test_segmentation_gives_its_auxiliary_logits_in_training_alone() -> None:
    model = build("deeplabv3_resnet50", classes=4, seed=0)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        training = model.train()(images)
        evaluation = model.eval()(images)
    assert {name: tuple(logits.shape) for name, logits in training.items()} == dict.fromkeys(
        ("out", "aux"), (2, 4, 32, 32)
    )
    assert evaluation.shape == (2, 4, 32, 32)


def test_segmentation_computes_what_torchvision_computes() -> None:
    from torchvision.models import get_model

    model = build("deeplabv3_resnet50", classes=4, seed=0).eval()
    theirs = get_model(
        "deeplabv3_resnet50", weights=None, weights_backbone=None, num_classes=4, aux_loss=True
    ).eval()
    theirs.load_state_dict(model.state_dict())
    images = torch.randn(1, 3, 48, 32)
    with torch.no_grad():
        torch.testing.assert_close(model(images), theirs(images)["out"])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import sys\ndef b(classes): pass\nsys.exit(0)\n",
            r"cannot be imported: it called sys.exit\(0\)",
        ),
        (
            "import sys\ndef b(classes): sys.exit('bye')\n",
            r"cannot be built: it called sys.exit\('bye'\)",
        ),
        ("{}['x']\n", "cannot be imported: KeyError: 'x'"),
        ("def b(classes): return {}['x']\n", "cannot be built: KeyError: 'x'"),
        ("def b(classes): return 1 / 0\n", "cannot be built: ZeroDivisionError: division by zero"),
        ("x = = 1\n", "cannot be imported: SyntaxError"),
    ],
)
def test_whatever_the_users_code_does_is_one_line(tmp_path, monkeypatch, code, said):
    name = f"odd_{abs(hash(code))}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=said) as caught:
        module(f"{name}:b", classes=3)
    assert "\n" not in str(caught.value)


def test_what_the_users_code_prints_is_no_data(tmp_path, monkeypatch, capsys):
    (tmp_path / "chatty.py").write_text(
        "print('hello')\nfrom torch import nn\ndef b(classes):\n    print('there')\n    return nn.Linear(1, classes)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module("chatty:b", classes=3)
    assert capsys.readouterr() == ("", "hello\nthere\n")
