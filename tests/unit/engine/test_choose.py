import pytest

from prunekit.engine.choose import Wish, executor_of
from prunekit.engine.inline import Inline
from prunekit.errors import UsageError
from prunekit.progress import SILENT
from prunekit.steps.settings import Settings

SETTINGS = Settings("store", "data", "cpu", 1)


def test_one_job_is_done_here():
    assert isinstance(executor_of(SETTINGS, Wish())(SILENT), Inline)


def test_an_unknown_executor_is_refused_before_anything_starts():
    with pytest.raises(UsageError, match="did you mean 'local'"):
        executor_of(SETTINGS, Wish("locl"))
