from prunekit.report.formats import as_csv, plain_table
from prunekit.report.study import read_study
from prunekit.report.tables import TABLES, compact


def potential(method, distribution, value, **more):
    return {
        "finding": "potential",
        "method": method,
        "distribution": distribution,
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "flags": [],
    } | more


def by_distribution(rows, **context):
    return compact("potential-1", TABLES["potential"][0], read_study(rows, context))


def test_nominal_comes_first_and_missing_cells_are_dashes():
    rows = [potential("wt", "a+fog@3", 0.5), potential("wt", "zeta", 0.8), potential("ft", "zeta", 0.4)]
    table = by_distribution(rows, nominal="zeta")
    assert table.head == ("distribution", "wt", "ft")
    assert table.body == (
        ("zeta", "80.0 [70.0, 90.0]", "40.0 [30.0, 50.0]"),
        ("a+fog@3", "50.0 [40.0, 60.0]", "–"),
    )


def test_several_seeds_show_their_standard_deviation():
    table = by_distribution([potential("wt", "digits", 0.8, sd=0.012, seeds=3, n=360)])
    assert table.body == (("digits", "80.0 ± 1.2"),)
    assert table.notes == ("± is the standard deviation over seeds.",)
    assert table.basis.replace("\u00a0", " ") == "n = 360 images, 3 seeds."


def test_a_difference_of_methods_names_both():
    rows = [potential(method, "digits", 0.5, variant=method, role="pruned") for method in ("wt", "ft")] + [
        potential("ft", "digits", 0.1, variant="ft", role="pruned", other="wt", of="potential")
        | {"finding": "method-difference"}
    ]
    table = compact("potential-2", TABLES["potential"][1], read_study(rows, {}))
    assert table.head == ("distribution", "ft less wt")
    assert table.body == (("digits", "10.0 [0.0, 20.0]"),)


def test_negative_numbers_have_a_minus_sign():
    row = {
        "finding": "excess-error",
        "method": "wt",
        "asked": 0.5,
        "distribution": "shifted",
        "distributions": ["digits+fog@3"],
        "value": -0.0123,
    }
    table = compact("excess-error-1", TABLES["excess-error"][0], read_study([row], {}))
    assert table.body == (("50\u00a0%", "−1.23"),)


def test_no_rows_no_table():
    assert by_distribution([]) is None


def test_plain_tables_show_some_rows_and_say_where_the_rest_is():
    table = plain_table(
        "churn", [{"finding": "churn", "prune_ratio": ratio / 100, "value": 0.1} for ratio in range(30)]
    )
    assert len(table.body) == 20
    assert table.notes == ("10 more rows in tables/churn.csv.",)


def test_csv_is_in_the_order_one_looks_things_up():
    rows = [
        {"method": "ft", "prune_ratio": 0.5},
        {"method": "wt", "prune_ratio": 0.9},
        {"method": "wt", "prune_ratio": 0.15},
    ]
    assert as_csv(rows) == "method,prune_ratio\nwt,0.15\nwt,0.9\nft,0.5\n"
