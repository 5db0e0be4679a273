import pytest

from prunekit.data.corruptions.table import CORRUPTION_ROWS, GENERATOR_VERSION, table_for
from prunekit.errors import UsageError


@pytest.mark.parametrize(
    ("size", "table"),
    [((32, 32), "cifar"), ((99, 500), "cifar"), ((100, 500), "imagenet"), ((224, 224), "imagenet")],
)
def test_the_shorter_side_chooses_the_table(size, table):
    assert table_for(*size) == table


def test_settings_are_named_by_severity():
    row = CORRUPTION_ROWS["fog"]
    assert row.settings("cifar", 3) == {"strength": 0.75, "decay": 2.5}
    assert row.settings("imagenet", 5) == {"strength": 3, "decay": 1.4}


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(UsageError, match=r"unknown corruption 'fogg'; did you mean 'fog'\?"):
        CORRUPTION_ROWS["fogg"]


def test_the_generator_has_a_version():
    assert isinstance(GENERATOR_VERSION, int)


def test_only_random_rows_have_draws():
    fixed = {name for name, row in CORRUPTION_ROWS.items() if not row.random}
    assert fixed == {
        "gaussian_blur", "defocus_blur", "zoom_blur", "brightness", "contrast", "saturate", "pixelate", "jpeg_compression",
    }  # fmt: skip
