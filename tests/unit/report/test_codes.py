from prunekit.analysis.flags import Flag
from prunekit.analysis.variant import Role
from prunekit.report.codes import FLAGS, MADE_ELSEWHERE, ROLES, method_names, sentences_of, shift_names


def test_every_code_has_a_sentence_of_its_own():
    assert set(FLAGS) == set(Flag)
    assert set(ROLES) == set(Role)
    assert len({*FLAGS.values(), *ROLES.values()}) == len(FLAGS) + len(ROLES)


def test_flags_are_written_out_and_an_unknown_one_is_shown_as_it_is():
    assert sentences_of(["one-seed", "of-a-later-version"]) == [FLAGS[Flag.ONE_SEED], "of-a-later-version"]


def test_one_name_of_each_kind_of_shift_is_explained():
    names = [
        "digits",
        "digits+fog@3",
        "digits+snow@5",
        "digits+uniform@0.0",
        "digits+uniform@0.5",
        "a set",
        None,
    ]
    assert [(name, said) for name, said, _ in shift_names(names)] == [
        ("digits+fog@3", "the test images under this corruption, at this severity of 1 to 5"),
        ("digits+uniform@0.5", "the test images with noise of this size, in units of normalised inputs"),
    ]


def test_a_method_is_explained_as_ours_only_where_the_network_is_pruned_here():
    rows = [
        {"role": "pruned", "method": "wt"},
        {"role": "compressed", "method": "slim"},
        {"role": "compressed", "method": "int8"},
        {"role": "parent", "method": None},
    ]
    (wt, slim, int8) = method_names(rows)
    assert int8 == ("int8", MADE_ELSEWHERE, "")
    assert slim == ("slim", MADE_ELSEWHERE, "")
    assert wt[0] == "wt"
    assert wt[2].startswith("Han et al. 2015")
