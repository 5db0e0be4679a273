import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunekit.errors import UsageError
from prunekit.params import ErrorParams, NoiseParams, PruneParams, RetrainParams, TrainParams
from prunekit.recipes.plan import from_dict, plan

PARENTS = {
    "label": "parents",
    "run": ["train"],
    "arch": "resnet8",
    "dataset": "digits",
    "sweep": {"seed": [0, 1]},
}
PRUNED = {
    "label": "pruned",
    "run": ["prune", "retrain"],
    "parent": "parents",
    "cascade": True,
    "sweep": {"method": ["wt", "ft"], "prune_ratio": [0.5, 0.8]},
}
ERRORS = {
    "label": "errors",
    "run": ["error"],
    "model": ["parents", "pruned"],
    "sweep": {"distribution": ["digits"]},
}


def steps_of(*stages):
    return [step.params for step in plan(from_dict({"stage": list(stages)}))]


def test_a_sweep_multiplies_and_a_cascade_chains():
    steps = steps_of(PARENTS, PRUNED)
    assert [step.kind for step in steps].count("train") == 2
    assert (
        [step.kind for step in steps].count("prune")
        == 2 * 2 * 2
        == [step.kind for step in steps].count("retrain")
    )
    parent, prune, retrain, further = TrainParams(arch="resnet8", dataset="digits"), *steps[2:5]
    assert prune == PruneParams(parent=parent.key, method="wt", prune_ratio=0.5)
    assert retrain == RetrainParams(parent=prune.key)
    assert further == PruneParams(parent=retrain.key, method="wt", prune_ratio=0.8)


def test_one_shot_prunes_the_unpruned_parent_each_time():
    prunes = [step for step in steps_of(PARENTS, PRUNED | {"cascade": False}) if step.kind == "prune"]
    trains = {TrainParams(arch="resnet8", dataset="digits", seed=seed).key for seed in (0, 1)}
    assert {step.parent for step in prunes} == trains


def test_parents_come_before_children_and_no_step_twice():
    steps = steps_of(PARENTS, PRUNED, ERRORS, ERRORS | {"label": "again"})
    seen = set()
    for step in steps:
        assert set(step.inputs) <= seen
        assert step.key not in seen
        seen.add(step.key)


def test_measurements_take_the_last_models_of_a_stage():
    errors = [step for step in steps_of(PARENTS, PRUNED, ERRORS) if isinstance(step, ErrorParams)]
    assert len(errors) == 2 + 8
    assert {step.model.partition("-")[0] for step in errors} == {"train", "retrain"}


def test_without_a_distribution_the_error_is_on_the_nominal_test_set():
    errors = steps_of(PARENTS, {"run": ["error"], "model": "parents"})[2:]
    assert {step.distribution for step in errors} == {"digits"}


def test_a_named_set_of_distributions_is_unrolled():
    errors = steps_of(PARENTS, {"run": ["error"], "model": "parents", "distribution": "@corruptions"})[2:]
    assert len(errors) == 2 * 19
    assert "digits+fog@3" in {step.distribution for step in errors}


def test_noise_compares_with_the_unpruned_parent_unless_told_otherwise():
    noises = [
        step
        for step in steps_of(PARENTS, PRUNED, {"run": ["noise"], "model": "pruned"})
        if step.kind == "noise"
    ]
    assert all(isinstance(step, NoiseParams) and step.to.startswith("train-") for step in noises)
    assert len(noises) == 8


def test_where_keeps_the_results_whose_fields_are_asked_for():
    noise = {"run": ["noise"], "model": ["pruned"], "where": {"method": ["ft"], "prune_ratio": [0.8]}}
    noises = [step for step in steps_of(PARENTS, PRUNED, noise) if step.kind == "noise"]
    assert len(noises) == 2  # one per seed
    errors = {"run": ["error"], "model": ["parents", "pruned"], "where": {"method": ["ft"], "seed": [1]}}
    kept = [step.model for step in steps_of(PARENTS, PRUNED, errors) if step.kind == "error"]
    assert (
        len([key for key in kept if key.startswith("train-")]) == 1
    )  # a parent has no method: only its seed counts


def test_a_model_is_not_compared_with_itself():
    noises = steps_of(PARENTS, {"run": ["noise"], "model": "parents", "to": "parents"})[2:]
    assert [(step.model != step.to) for step in noises] == [True, True]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "has no [[stage]]"),
        ([PARENTS | {"run": ["tarin"]}], "unknown step in stage 'parents' 'tarin'; did you mean 'train'?"),
        ([PARENTS | {"run": []}], "needs run"),
        ([PARENTS | {"epoch": 3}], "unknown field in stage 'parents' 'epoch'; did you mean 'epochs'?"),
        ([PARENTS, PARENTS], "two stages have the label 'parents'"),
        ([PARENTS, PRUNED | {"parent": "parnets"}], "did you mean 'parents'?"),
        ([PRUNED, PARENTS], "unknown stage that 'pruned' starts from 'parents'"),
        (
            [PARENTS, {"label": "pruned", "run": ["prune"], "method": "wt", "prune_ratio": 0.5}],
            "must say what it starts from",
        ),
        ([PARENTS, PRUNED | {"sweep": {"method": ["wt"], "prune_ratio": [0.8, 0.5]}}], "increasing values"),
        ([PARENTS, PRUNED | {"sweep": {"method": ["wt"], "prune_ratio": 0.5}}], "must be a list"),
        (
            [PARENTS, PRUNED | {"sweep": {"method": ["wt"], "prune_ratio": [1.5]}}],
            "stage 'pruned': prune: prune_ratio",
        ),
        ([PARENTS | {"lr": -1}], "stage 'parents': train: lr"),
        (
            [PARENTS, ERRORS | {"model": "parents", "sweep": {"distribution": ["digits+fgo@3"]}}],
            "did you mean 'fog'?",
        ),
        (
            [PARENTS, ERRORS | {"model": "parents", "sweep": {"distribution": ["@corruption"]}}],
            "did you mean '@corruptions'?",
        ),
        (["parents"], "stage 1 is not a table"),
    ],
)
def test_a_wrong_recipe_is_one_line(stages, message):
    with pytest.raises(UsageError) as caught:
        plan(from_dict({"stage": stages}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_top_level_field_is_named():
    with pytest.raises(UsageError, match="unknown field of recipe 'stages'; did you mean 'stage'"):
        from_dict({"stages": []})


def test_an_import_starts_from_nothing_or_from_a_parent():
    weights = {"run": ["import"], "weights": f"sha256:{'0' * 64}"}
    brought = weights | {"label": "brought", "arch": "resnet8", "dataset": "digits"}
    small = weights | {"label": "small", "parent": "brought", "method": "int8"}
    first, second, error = steps_of(brought, small, {"run": ["error"], "model": "small"})
    assert (first.parent, second.parent, error.model) == (None, first.key, second.key)
    assert error.distribution == "digits"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["label", "run", "sweep", "parent", "model", "arch", "seed"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["title", "stage", "report", "x"]), JSON, max_size=4))
def test_any_document_is_planned_or_refused_in_one_line(raw):
    try:
        steps = plan(from_dict(raw))
    except UsageError as error:
        steps = str(error)
    assert "\n" not in steps
