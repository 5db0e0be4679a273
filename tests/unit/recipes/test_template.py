import tomllib

import pytest

from prunekit.errors import UsageError
from prunekit.recipes.plan import from_dict, plan
from prunekit.recipes.template import template


def test_a_new_recipe_plans():
    text = template(arch="resnet8", dataset="digits", methods=["wt", "ft"], seeds=2, epochs=3)
    steps = plan(from_dict(tomllib.loads(text)))
    assert sum(step.params.kind == "train" for step in steps) == 3
    assert sum(step.params.kind == "prune" for step in steps) == 2 * 2 * 5


@pytest.mark.parametrize("name", ['a "b" \\c', "a\nb = 1", "a\x7f\x1b[2Jb", "{arch}", "#é"])
def test_a_folder_of_any_name_is_written_as_it_is(name):
    text = template(arch="resnet8", dataset=f"folder:{name}", methods=["wt"], seeds=1, epochs=3)
    (dataset,) = {stage["dataset"] for stage in tomllib.loads(text)["stage"] if "dataset" in stage}
    assert dataset == f"folder:{name}"


@pytest.mark.parametrize(("name", "why"), [("a${b}", "is a variable"), ("a\udcff", "which is UTF-8")])
def test_a_name_that_a_recipe_cannot_hold_is_refused(name, why):
    with pytest.raises(UsageError, match=why):
        template(arch="resnet8", dataset=f"folder:{name}", methods=["wt"], seeds=1, epochs=3)


def test_the_longer_trained_control_says_which_ratio_it_is_fair_to():
    text = template(arch="resnet8", dataset="digits", methods=["wt"], seeds=1, epochs=3)
    comment = " ".join(text[text.index("# another control") : text.index('label   = "longer"')].split())
    assert "fair to networks # that were retrained once, the first ratio of a cascade" in comment
