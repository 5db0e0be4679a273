"""A study whose store is behind a URL: killed, and continued by a machine that has none of its files."""

import shutil

import pytest

pytest.importorskip("fsspec", reason="fsspec is not installed (pip install 'prunekit[ray]')")


def test_a_study_behind_a_url_is_continued_from_an_empty_folder(study, forker, tmp_path):
    far = tmp_path / "far"
    more = ("--remote", f"file://{far}")
    ended = forker(*study.args(tmp_path / "here", *more), kill=study.seconds / 2)
    assert ended.code == -9
    before = study.check_partial(far)
    assert before < len(study.expected)
    shutil.rmtree(tmp_path / "here", ignore_errors=True)
    again = forker(*study.args(tmp_path / "elsewhere", *more))
    assert again.code == 0, again.text
    study.check_whole(far)
    done = forker(*study.args(tmp_path / "third", *more))
    assert "all steps are already made" in done.text
