import pytest

from prunekit.errors import UsageError
from prunekit.recipes.plan import from_dict, plan
from prunekit.recipes.stage import label_of

PARENTS = {"label": "parents", "run": ["train"], "arch": "resnet8", "dataset": "digits"}
PRUNED = {"label": "pruned", "run": ["prune"], "parent": "parents", "method": "wt", "prune_ratio": 0.5}
ERRORS = {"label": "errors", "run": ["error"], "model": "parents"}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([PARENTS | {"cascade": "False"}], "stage 'parents': cascade must be true or false (given: 'False')"),
        ([PARENTS | {"cascade": 0}], "cascade must be true or false (given: 0)"),
        ([PARENTS | {"seed": 3, "sweep": {"seed": [0, 1]}}], "seed is also in the sweep"),
        ([PARENTS | {"sweep": {"seed": [0, 1, 0]}}], "sweep.seed names 0 twice"),
        ([PARENTS | {"sweep": {"milestones": [[1, 2], [1, 2]]}}], "sweep.milestones names (1, 2) twice"),
        ([PARENTS | {"sweep": {"seed": [{"a": 1}]}}], "a value is expected, not a table"),
        ([PARENTS | {"label": "p\x1b]0;owned\x07"}], r"label 'p\x1b]0;owned\x07' is not a text"),
        ([PARENTS | {"label": 3}], "is not a text"),
        ([PARENTS | {"label": ""}], "is not a text"),
        ([PARENTS | {"run": ["train", "train"]}], "train does not start from another step"),
        ([PARENTS, PRUNED | {"run": ["prune", "train"]}], "train does not start from another step"),
        (
            [PARENTS | {"run": ["train", "error"], "model": "x"}],
            "its first step, train, does not start from model",
        ),
        ([PARENTS, ERRORS | {"model": ["parents", "parents"]}], "model names 'parents' twice"),
        (
            [PARENTS, {"run": ["error"], "sweep": {"model": ["parents"]}}],
            "model names stages and cannot be swept",
        ),
        (
            [PARENTS, ERRORS, PRUNED | {"parent": "errors"}],
            "stage 'pruned': parent is the result of a error step: it must be one of train, import",
        ),
        (
            [PARENTS, {"label": "t", "run": ["transfer"], "features": "parents", "model": "parents"}],
            "features is the result of a train step: it must be one of features",
        ),
        ([PARENTS | {"run": ["train", "noise"]}], "compare a network with itself"),
        (
            [PARENTS, {"label": "n", "run": ["noise"], "model": "parents", "to": "parents"}],
            "makes nothing: a network is never compared with itself",
        ),
        ([PARENTS, ERRORS | {"where": {"sed": [0]}}], "unknown field in where 'sed'; did you mean 'seed'?"),
        ([PARENTS, ERRORS | {"where": {"seed": [1]}}], "where.seed: no result that it starts from has 1"),
        (
            [
                PARENTS | {"sweep": {"seed": [0, 1]}},
                PRUNED | {"method": "ft", "where": {"seed": [0]}},
                PRUNED | {"label": "more", "where": {"seed": [1]}},
                ERRORS | {"model": "pruned", "label": "e"},
                ERRORS | {"model": ["pruned", "more"], "where": {"method": ["ft"], "seed": [1]}},
            ],
            "stage 'errors': it makes nothing: no result that it starts from meets all conditions in its where",
        ),
    ],
)
def test_what_a_stage_says_is_used_or_refused(stages, message):
    with pytest.raises(UsageError) as caught:
        plan(from_dict({"stage": stages}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stage_without_a_label_is_called_by_its_place():
    assert label_of({}, 2) == "stage-2"
    errors = {"run": ["error"], "model": "stage-1"}
    assert [step.stage for step in plan(from_dict({"stage": [PARENTS | {"label": "stage-1"}, errors]}))] == [
        "stage-1",
        "stage-2",
    ]


def test_a_title_is_a_text():
    with pytest.raises(UsageError, match="the title of recipe must be a string"):
        from_dict({"title": ["a"], "stage": [PARENTS]})


def test_options_of_a_method_are_tables_that_can_be_swept_and_asked_for():
    pruned = PRUNED | {"method": "nm", "sweep": {"options": [{"n": 1}, {"m": 8, "n": 2}]}}
    errors = {"run": ["error"], "model": "pruned", "where": {"options": [{"n": 2, "m": 8}]}}
    steps = plan(from_dict({"stage": [PARENTS, pruned, errors]}))
    found = [step.params for step in steps if step.params.kind == "prune"]
    assert [dict(each.options) for each in found] == [{"n": 1}, {"m": 8, "n": 2}]
    assert [step.params.model for step in steps if step.params.kind == "error"] == [found[1].key]
    fixed = PRUNED | {"method": "nm", "options": {"n": 1}}
    assert dict(plan(from_dict({"stage": [PARENTS, fixed]}))[-1].params.options) == {"n": 1}
    with pytest.raises(UsageError, match="a table is expected here"):
        plan(from_dict({"stage": [PARENTS, PRUNED | {"sweep": {"options": [3]}}]}))
