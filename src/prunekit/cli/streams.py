"""The three standard streams, made safe: a closed, broken or ASCII-only stream does not stop a run."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import Any, TextIO

from prunekit.errors import PrunekitWarning

# Characters that a terminal may obey, that reverse the text direction, or that are lone surrogates of file names.
_CONTROL = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)


def clean(text: str) -> str:
    """A text with control characters escaped (``\\x1b``), so that no terminal obeys them."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def clean_json(text: str) -> str:
    """JSON in which the characters that :func:`clean` escapes are JSON escapes."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Lossy(io.FileIO):
    """A descriptor whose reader may close (``| head``, a closed window); later writes are discarded."""

    def write(self, data: Any) -> int:
        """Write all of ``data``, or nothing once a write has failed."""
        try:
            return super().write(data) or 0
        except OSError:
            _to_nowhere(self.fileno())
            return len(data)


def _to_nowhere(descriptor: int) -> None:
    """Discard everything written to the descriptor from now on."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor)
    if nowhere != descriptor:
        os.close(nowhere)


def settle() -> None:
    """Open closed streams on the null device, let stderr lose its reader, escape what a stream cannot encode."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _to_nowhere(descriptor)
    sys.stdin = open(  # noqa: SIM115 - open until the process ends
        0, closefd=False, encoding=getattr(sys.stdin, "encoding", None) or "utf-8", errors="backslashreplace"
    )
    sys.stdout = _text(sys.stdout, io.FileIO(1, "w", closefd=False))
    sys.stderr = _text(sys.stderr, Lossy(2, "w", closefd=False))


def _text(before: TextIO | None, raw: io.FileIO) -> TextIO:
    """A text stream over a descriptor, with the encoding of the previous one."""
    if before is not None:
        before.flush()
    encoding = getattr(before, "encoding", None) or "utf-8"
    buffered = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffered, encoding=encoding, errors="backslashreplace", line_buffering=True)


def show_warning(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    """Print a warning on stderr in one line; one from another library names that library."""
    whose = "" if issubclass(category, PrunekitWarning) else f"{category.__name__}: "
    sys.stderr.write(f"prunekit: {clean(' '.join(f'{whose}{message}'.split()))}\n")


def speak_utf8() -> None:
    """Restart in UTF-8 if the locale is ASCII only: file names would be cut or unreadable."""
    if sys.getfilesystemencoding().lower() not in ("utf-8", "utf8") and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very command
