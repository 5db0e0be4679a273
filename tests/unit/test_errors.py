import errno

import pytest

from prunekit.errors import (
    PrunekitDeprecation,
    PrunekitError,
    StoreError,
    UsageError,
    deprecated,
    foreseen,
    missing_package,
    reason,
    unknown,
)


def test_unknown_names_the_thing_the_nearest_match_and_what_is_allowed():
    error = unknown("method", "sip", ["wt", "sipp", "ft"])
    assert str(error) == "unknown method 'sip'; did you mean 'sipp'? (one of: wt, sipp, ft)"


def test_unknown_without_a_near_match_still_lists_what_is_allowed():
    assert str(unknown("method", "zzz", ["wt"])) == "unknown method 'zzz' (one of: wt)"


def test_exit_codes():
    assert [error.exit_code for error in (PrunekitError, UsageError, StoreError)] == [1, 2, 3]


def test_a_deprecated_name_says_what_replaces_it_and_until_when():
    def old():
        deprecated("old", "new", removed_in="0.4")

    with pytest.warns(PrunekitDeprecation, match="old will be removed in prunekit 0.4: use new") as caught:
        old()
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("package", "remedy"),
    [
        ("torch._C", "pip install torch torchvision timm"),
        ("onnxruntime", "pip install 'prunekit[onnx]'"),
        ("elsewhere.part", "pip install elsewhere"),
    ],
)
def test_a_missing_package_names_its_extra(package, remedy):
    assert remedy in str(missing_package(package))


def raised(error, note=""):
    try:
        raise error
    except BaseException as caught:
        if note:
            caught.add_note(note)
        return caught


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (StoreError("it is\n  damaged"), 3, "it is damaged"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "aaa"), 2, "aaa: File name too long"),
        (PermissionError(errno.EACCES, "Permission denied", "x.json"), 1, "x.json: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left on device"),
        (MemoryError(), 1, "there is not enough memory"),
        (ImportError("x.so: failed to map segment from shared object"), 1, "there is not enough memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
            1,
            "there is not enough memory",
        ),
        (RecursionError("maximum recursion depth"), 1, "nested too deeply"),
        (SystemExit(0), 1, "called sys.exit(0)"),
        (ModuleNotFoundError("No module named 'onnx'", name="onnx"), 2, "pip install 'prunekit[onnx]'"),
    ],
)
def test_what_other_libraries_raise_is_foreseen(error, code, text):
    found = foreseen(raised(error))
    assert (found.exit_code, text in reason(error)) == (code, True)
    assert "\n" not in reason(error)


def test_what_nobody_foresaw_says_its_type_where_it_arose_and_that_it_be_reported():
    assert foreseen(KeyError("x")) is None
    assert reason(KeyError()) == "unexpected error: KeyError (please report it)"
    with pytest.raises(TypeError) as caught:
        unknown("fruit", None, ["apple"])
    assert reason(caught.value).startswith("unexpected error in errors.py, line ")
    assert reason(caught.value).endswith("(please report it)")
    assert len(reason(ValueError("x" * 10_000))) < 800


def test_notes_say_at_what_work_it_happened():
    error = raised(UsageError("too small"), "step train-0123456789abcdef")
    assert reason(error) == "too small (step train-0123456789abcdef)"


def test_a_name_of_any_length_is_cut():
    assert len(str(unknown("fruit", "x" * 100_000, ["apple"]))) < 400
