from prunekit.errors import PrunekitError, StoreError, UsageError, unknown


def test_unknown_names_the_thing_the_nearest_match_and_what_is_allowed():
    error = unknown("method", "sip", ["wt", "sipp", "ft"])
    assert str(error) == "unknown method 'sip'; did you mean 'sipp'? (one of: wt, sipp, ft)"


def test_unknown_without_a_near_match_still_lists_what_is_allowed():
    assert str(unknown("method", "zzz", ["wt"])) == "unknown method 'zzz' (one of: wt)"


def test_exit_codes():
    assert [error.exit_code for error in (PrunekitError, UsageError, StoreError)] == [1, 2, 3]
