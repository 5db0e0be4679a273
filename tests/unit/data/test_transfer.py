"""Downloads from a server on this machine that behaves as badly as real ones do."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from prunekit.data import transfer
from prunekit.data.downloads import RemoteFile
from prunekit.data.transfer import download
from prunekit.errors import PrunekitError

DATA = bytes(range(256)) * 800
MD5 = f"md5:{hashlib.md5(DATA).hexdigest()}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        plan = self.server.plan
        plan.requests.append(self.headers.get("Range"))
        if plan.status != 200:
            self.send_error(plan.status)
            return
        start = self._start(plan)
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", plan.kind)
        if plan.length:
            self.send_header("Content-Length", str(len(plan.data) - start))
        self.end_headers()
        cut = plan.cuts.pop(0) if plan.cuts else len(plan.data)
        self.wfile.write(plan.data[start : start + cut])

    def _start(self, plan):
        wanted = self.headers.get("Range")
        return int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and plan.resumes else 0

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def server():
    """A server and its plan: what it gives, and where it cuts its answers."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.plan = SimpleNamespace(
        data=DATA,
        cuts=[],
        requests=[],
        status=200,
        kind="application/octet-stream",
        resumes=True,
        length=True,
    )
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield http
    http.shutdown()
    thread.join()
    http.server_close()


def _file(server, **changes):
    url = f"http://127.0.0.1:{server.server_port}/set.tar"
    return RemoteFile("set.tar", url, MD5, len(DATA), into="set")._replace(**changes)


def test_a_file_arrives_whole(server, tmp_path):
    assert download(_file(server), tmp_path / "new" / "folder").read_bytes() == DATA
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["set.tar"]


def test_a_file_that_is_there_is_not_asked_for_again(server, tmp_path):
    download(_file(server), tmp_path)
    download(_file(server), tmp_path)
    assert len(server.plan.requests) == 1


@pytest.mark.parametrize("size", [len(DATA), None])
def test_a_cut_connection_is_resumed_where_it_was_cut(server, tmp_path, size):
    server.plan.cuts = [100_000, 50_000]
    assert download(_file(server, size=size), tmp_path).read_bytes() == DATA
    assert server.plan.requests == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_run_resumes_what_an_earlier_one_left(server, tmp_path):
    (tmp_path / "set.tar.part").write_bytes(DATA[:70_000])
    assert download(_file(server), tmp_path).read_bytes() == DATA
    assert server.plan.requests == ["bytes=70000-"]


def test_a_server_that_cannot_resume_starts_over(server, tmp_path):
    server.plan.resumes = False
    (tmp_path / "set.tar.part").write_bytes(b"x" * 70_000)
    assert download(_file(server), tmp_path).read_bytes() == DATA


def test_a_whole_part_is_checked_and_not_fetched_again(server, tmp_path):
    (tmp_path / "set.tar.part").write_bytes(DATA)
    assert download(_file(server), tmp_path).read_bytes() == DATA
    assert server.plan.requests == []


def test_a_connection_that_brings_nothing_gives_up_and_keeps_the_part(server, tmp_path):
    server.plan.cuts = [5000, 0]
    with pytest.raises(
        PrunekitError, match=r"interrupted after 5,000 of 204,800 bytes .*run the same command again"
    ):
        download(_file(server), tmp_path)
    assert (tmp_path / "set.tar.part").read_bytes() == DATA[:5000]
    assert not (tmp_path / "set.tar").exists()


def test_a_server_that_is_not_there_is_named(tmp_path):
    file = RemoteFile("set.tar", "http://127.0.0.1:9/set.tar", MD5, len(DATA))
    with pytest.raises(
        PrunekitError, match=r"127\.0\.0\.1:9/set\.tar cannot be reached: .* refused.*--from PATH"
    ):
        download(file, tmp_path)


def test_a_wrong_checksum_is_told_and_the_file_is_thrown_away(server, tmp_path):
    server.plan.data = DATA[:-1] + b"!"
    with pytest.raises(PrunekitError, match=f"is not set.tar: its md5 is .*, not {MD5[4:]}"):
        download(_file(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_size_is_refused_before_anything_is_written(server, tmp_path):
    server.plan.data = DATA + b"more"
    with pytest.raises(PrunekitError, match=r"offers 204,804 bytes, not the 204,800"):
        download(_file(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_size_is_refused_where_the_server_does_not_say_it(server, tmp_path):
    server.plan.data, server.plan.length = DATA + b"more", False
    with pytest.raises(PrunekitError, match=r"has 204,804 bytes, not the 204,800"):
        download(_file(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_web_page_instead_of_the_file_is_told(server, tmp_path):
    server.plan.data, server.plan.kind = b"<html>Please log in</html>", "text/html; charset=utf-8"
    with pytest.raises(PrunekitError, match=r"returned a web page, not set\.tar"):
        download(_file(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_the_server_s_refusal_is_passed_on(server, tmp_path, status):
    server.plan.status = status
    with pytest.raises(PrunekitError, match=f"the server says {status}"):
        download(_file(server), tmp_path)


class _FullDisk:
    def __init__(self, sink):
        self.sink = sink

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sink.close()

    def write(self, chunk):
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_as_such_and_not_tried_again(server, tmp_path, monkeypatch):
    opened = transfer._opened
    monkeypatch.setattr(transfer, "_opened", lambda path, mode: _FullDisk(opened(path, mode)))
    with pytest.raises(PrunekitError, match=r"cannot write .*set\.tar\.part: No space left on device"):
        download(_file(server), tmp_path)
    assert len(server.plan.requests) == 1


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "set.tar.part").mkdir()
    with pytest.raises(PrunekitError, match=r"cannot write .*set\.tar\.part"):
        download(_file(server, size=None), tmp_path)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/set.tar", ""])
def test_only_web_addresses_are_opened(tmp_path, url):
    with pytest.raises(PrunekitError, match="not a web address of a file"):
        download(RemoteFile("set.tar", url, MD5), tmp_path)
