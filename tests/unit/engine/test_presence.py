from prunekit.data.downloads import DOWNLOADS
from prunekit.engine.presence import absent, sentence
from prunekit.params import ErrorParams, RetrainParams, TrainParams

PARENT = TrainParams(arch="resnet20", dataset="cifar10")
LONGER = RetrainParams(parent=PARENT.key)
SHIFTED = ErrorParams(model=LONGER.key, distribution="cifar10-c/fog@3")
DIGITS = TrainParams(arch="resnet8", dataset="digits")
PLAN = {step.key: step for step in (PARENT, LONGER, SHIFTED, DIGITS)}


def put(root, places):
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()


def test_what_any_stage_reads_and_is_not_there_is_named_with_its_command(tmp_path):
    found = absent(PLAN, PLAN, tmp_path)
    assert found == {"cifar10": "prunekit data get cifar10", "cifar10-c": "prunekit data get cifar10-c"}
    assert sentence(found).startswith("missing data: cifar10 (prunekit data get cifar10); cifar10-c")


def test_what_is_made_already_needs_no_data(tmp_path):
    assert list(absent(PLAN, [SHIFTED.key], tmp_path)) == ["cifar10-c"]
    assert absent(PLAN, [], tmp_path) == absent(PLAN, [DIGITS.key], tmp_path) == {}


def test_training_needs_a_data_set_whole_and_measuring_a_part(tmp_path):
    put(tmp_path, DOWNLOADS["cifar10"].places[:-1])
    put(tmp_path, DOWNLOADS["cifar10-c"].places[:1])
    assert list(absent(PLAN, PLAN, tmp_path)) == ["cifar10"]
    put(tmp_path, DOWNLOADS["cifar10"].places)
    assert absent(PLAN, PLAN, tmp_path) == {}


def test_a_place_of_the_users_own_is_looked_at_elsewhere(tmp_path):
    own = TrainParams(arch="resnet8", dataset="folder:photos")
    shifted = ErrorParams(model=own.key, distribution="folder:photos+fog@3")
    assert absent({own.key: own, shifted.key: shifted}, [own.key, shifted.key], tmp_path) == {}
