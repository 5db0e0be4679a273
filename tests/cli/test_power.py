"""``power``: rows from rates, refusals on one line, no torch."""

import pytest


def test_rates_give_a_verdict_its_chance_and_the_images_it_takes(cli):
    ran = cli("power", "--rise", "0", "--images", "10000")
    assert ran.code == 0, ran.err
    rise, smallest = ran.rows
    assert (rise["what"], rise["verdict"], rise["n"]) == ("rise", "within", 10_000)
    assert 0.4 < rise["power"] < 0.45
    assert 25_000 < rise["images_needed"] < 25_300
    assert smallest["what"] == "smallest rise"


def test_a_margin_may_be_a_share_of_the_parents_error(cli):
    (row,) = cli("power", "--margin", "0.1", "--parent-error", "0.05", "--images", "10000").rows
    assert row["margin"] == pytest.approx(0.005)


def test_what_cannot_be_is_refused_on_one_line(cli):
    for asked, said in (
        (("--margin", "2"), "the margin is 2"),
        (("--rise", "0.2", "--discordance", "0.1"), "a rise of 0.2 with 0.1"),
        (("--pilot", "x", "--rise", "0"), "exclude each other"),
    ):
        ran = cli("power", *asked)
        assert ran.code == 2
        assert said in ran.err
        assert ran.err.count("\n") == 1
