from prunekit.engine.failure import lines, report
from prunekit.errors import StoreError


def test_the_traceback_is_in_the_log(tmp_path):
    try:
        raise StoreError("gone")
    except StoreError as error:
        reason = report(error, ["train-0123456789abcdef", "other"], tmp_path)
    log = tmp_path / "logs" / "train-0123456789abcdef.log"
    assert reason == f"gone (log: {log})"
    assert 'raise StoreError("gone")' in log.read_text()


def test_a_log_that_cannot_be_written_hides_no_reason(tmp_path):
    (tmp_path / "logs").touch()
    assert report(StoreError("gone"), ["train-0123456789abcdef"], tmp_path) == "gone"


def test_of_many_failures_for_one_reason_a_few_are_told():
    failed = {f"error-{number}": f"gone (log: logs/error-{number}.log)" for number in range(5)}
    assert list(lines(failed | {"noise-0": "worse"})) == [
        "failed: error-0: gone (log: logs/error-0.log)",
        "failed: error-1: gone (log: logs/error-1.log)",
        "failed: error-2: gone (log: logs/error-2.log)",
        "failed: 2 more steps, for the same reason: gone",
        "failed: noise-0: worse",
    ]
