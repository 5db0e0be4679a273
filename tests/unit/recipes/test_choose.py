import pytest

from prunekit.errors import UsageError
from prunekit.params import ErrorParams, PruneParams, TrainParams
from prunekit.recipes.choose import in_words, needed_by, of_stages, report_settings, state_rows
from prunekit.recipes.plan import Planned, from_dict

PARENT = TrainParams(arch="resnet8", dataset="digits", epochs=3)
PRUNED = PruneParams(parent=PARENT.key, method="wt", prune_ratio=0.5)
OTHER = TrainParams(arch="resnet8", dataset="digits", seed=1)
ERROR = ErrorParams(model=PRUNED.key, distribution="digits")
STEPS = [
    Planned(PARENT, "parents"),
    Planned(OTHER, "others"),
    Planned(PRUNED, "pruned"),
    Planned(ERROR, "errors"),
]


def stages(steps):
    return [step.stage for step in steps]


@pytest.mark.parametrize(
    ("only", "until", "expected"),
    [
        ([], None, ["parents", "others", "pruned", "errors"]),
        (["pruned"], None, ["parents", "pruned"]),
        ([], "others", ["parents", "others"]),
        (["others", "pruned"], "pruned", ["parents", "others", "pruned"]),
    ],
)
def test_a_stage_comes_with_what_it_needs_and_nothing_after_the_last(only, until, expected):
    assert stages(needed_by(STEPS, only, until)) == expected


def test_a_stage_behind_the_last_is_refused():
    with pytest.raises(UsageError, match="--only errors and --until pruned leave nothing of errors"):
        needed_by(STEPS, ["pruned", "errors"], "pruned")


def test_stages_alone_leave_their_inputs_out():
    assert stages(of_stages(STEPS, ["pruned", "errors"])) == ["pruned", "errors"]


@pytest.mark.parametrize("choose", [lambda: needed_by(STEPS, ["prund"]), lambda: of_stages(STEPS, ["prund"])])
def test_an_unknown_stage_lists_the_nearest(choose):
    with pytest.raises(UsageError, match="did you mean 'pruned'"):
        choose()


def test_a_row_says_what_a_step_is():
    (row,) = state_rows({PRUNED.key: STEPS[2]}, lambda key: "have")
    assert row == {
        "state": "have", "stage": "pruned", "kind": "prune", "key": PRUNED.key, "what": "method=wt prune_ratio=0.5"
    }  # fmt: skip
    assert in_words(PARENT) == "epochs=3 arch=resnet8 dataset=digits"


def test_a_stage_that_would_not_be_made_again_is_refused():
    with pytest.raises(UsageError, match="--force others would change nothing here"):
        needed_by(STEPS, ["pruned"], None, ["others"])
    assert stages(needed_by(STEPS, ["pruned"], None, ["parents"])) == ["parents", "pruned"]


def recipe(**report):
    return from_dict(
        {"stage": [{"run": ["train"], "arch": "resnet8", "dataset": "digits"}], "report": report}
    )


def test_two_recipes_that_want_other_reports_say_so():
    recipes = {"a.toml": recipe(margin=0.01), "b.toml": recipe(margin=0.5)}
    with pytest.raises(
        UsageError, match=r"a.toml and b.toml differ in \[report\] margin \(0.01 and 0.5\).*--margin"
    ):
        report_settings(recipes, {})
    assert report_settings(recipes, {"margin": 0.2}).margin == 0.2
    assert report_settings({"a.toml": recipe(margin=0.01), "b.toml": recipe(margin=0.01)}, {}).margin == 0.01
