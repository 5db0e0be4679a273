from prunekit.analysis.flags import Flag
from prunekit.analysis.variant import Role
from prunekit.report.codes import FLAGS, ROLES, sentences_of


def test_every_code_has_a_sentence_of_its_own():
    assert set(FLAGS) == set(Flag)
    assert set(ROLES) == set(Role)
    assert len({*FLAGS.values(), *ROLES.values()}) == len(FLAGS) + len(ROLES)


def test_flags_are_written_out_and_an_unknown_one_is_shown_as_it_is():
    assert sentences_of(["one-seed", "of-a-later-version"]) == [FLAGS[Flag.ONE_SEED], "of-a-later-version"]
