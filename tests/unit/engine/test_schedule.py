import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunekit.engine.schedule import Schedule, missing
from prunekit.params import ErrorParams, PruneParams, RetrainParams, TrainParams


def alone(params):
    return params.key


def by_model(params):
    return params.model if params.kind == "error" else params.key


TRAIN = TrainParams(arch="resnet8", dataset="digits")


def chain(length, parent=TRAIN.key):
    steps = []
    for rung in range(length):
        prune = PruneParams(parent=parent, method="wt", prune_ratio=(rung + 1) / (length + 1))
        retrain = RetrainParams(parent=prune.key)
        steps += [prune, retrain]
        parent = retrain.key
    return steps


def drain(schedule):
    order = []
    while batch := schedule.next():
        order.append([params.key for params in batch])
        schedule.finish(order[-1])
    return order


def test_parents_come_before_children_and_every_step_once():
    steps = [TRAIN, *chain(3)]
    order = [key for batch in drain(Schedule(steps, group=alone)) for key in batch]
    assert order == [params.key for params in steps]


def test_the_longest_remaining_path_goes_first():
    short = ErrorParams(model=TRAIN.key, distribution="digits")
    schedule = Schedule([short, *chain(2)], group=alone)
    assert schedule.next()[0].kind == "prune"


def test_ready_steps_of_one_group_go_together_up_to_the_limit():
    errors = [ErrorParams(model=TRAIN.key, distribution=f"digits+fog@{severity}") for severity in (1, 2, 3)]
    assert drain(Schedule(errors, group=by_model)) == [[params.key for params in errors]]
    assert [len(batch) for batch in drain(Schedule(errors, group=by_model, largest=2))] == [2, 1]


def test_a_group_is_shared_where_workers_would_be_idle():
    errors = [
        ErrorParams(model=TRAIN.key, distribution=f"digits+fog@{severity}") for severity in (1, 2, 3, 4, 5)
    ]
    schedule = Schedule(errors, group=by_model)
    assert [len(schedule.next(free)) for free in (3, 2, 1)] == [2, 2, 1]
    others = [error.model_copy(update={"model": "train-ffffffffffffffff"}) for error in errors]
    busy = Schedule([*errors, *others], group=by_model)
    assert [len(busy.next(2)), len(busy.next(1))] == [5, 5]


def test_what_is_postponed_comes_back_at_its_place():
    steps = [TRAIN, TrainParams(arch="resnet8", dataset="digits", seed=1)]
    schedule = Schedule(steps, group=alone)
    assert schedule.next() == [TRAIN]
    schedule.postpone([TRAIN.key])
    assert schedule.next() == [steps[1]]
    assert schedule.next() == []
    schedule.recall()
    assert schedule.next() == [TRAIN]
    assert schedule.left == 2


def test_steps_that_failed_together_go_alone():
    errors = [ErrorParams(model=TRAIN.key, distribution=f"digits+fog@{severity}") for severity in (1, 2)]
    schedule = Schedule(errors, group=by_model)
    schedule.alone(params.key for params in schedule.next())
    assert drain(schedule) == [[errors[0].key], [errors[1].key]]


def test_a_failure_skips_only_what_depends_on_it():
    other = TrainParams(arch="resnet8", dataset="digits", seed=1)
    steps = [TRAIN, other, *chain(1), *chain(1, other.key)]
    schedule = Schedule(steps, group=alone)
    schedule.next(), schedule.next()
    skipped = schedule.fail([TRAIN.key])
    schedule.finish([other.key])
    assert skipped == [params.key for params in steps[2:4]]
    assert [key for batch in drain(schedule) for key in batch] == [params.key for params in steps[4:]]
    assert schedule.left == 0


def test_inputs_that_are_not_to_be_made_count_as_there():
    assert Schedule(chain(1), group=alone).next()[0].kind == "prune"


def test_missing_keeps_what_is_not_there_or_forced():
    steps = [TRAIN, *chain(1)]
    have = {TRAIN.key, steps[1].key}
    assert missing(steps, have.__contains__) == [steps[2]]
    assert missing(steps, have.__contains__, frozenset({TRAIN.key})) == [TRAIN, steps[2]]


@given(st.lists(st.integers(min_value=-1, max_value=5), min_size=1, max_size=12), st.randoms())
def test_any_forest_is_made_whole_and_in_order(parents, random):
    """Step i starts from step parents[i] if that is an earlier one, else from nothing to be made."""
    steps = []
    for place, parent in enumerate(parents):
        key = steps[parent].key if 0 <= parent < place else "train-ffffffffffffffff"
        steps.append(RetrainParams(parent=key, seed=place))
    schedule, running, finished = Schedule(steps, group=alone), [], []
    while True:
        while random.random() < 0.7 and (batch := schedule.next()):
            running.append(batch[0])
        if not running:
            batch = schedule.next()
            if not batch:
                break
            running.append(batch[0])
        done = running.pop(random.randrange(len(running)))
        known = {params.key for params in steps}
        assert done.parent not in known or done.parent in finished
        finished.append(done.key)
        schedule.finish([done.key])
    assert sorted(finished) == sorted(params.key for params in steps)


@pytest.mark.parametrize("count", [2000])
def test_planning_many_steps_is_linear_enough_to_run_here(count):
    steps = [TRAIN, *chain(count)]
    assert len(drain(Schedule(steps, group=alone))) == 2 * count + 1
