"""Client of the management surface: HTTP over the Unix socket in the data folder, with the standard library.

A command asks one thing after another, so it needs no event loop. Whoever may open the socket (mode 0600) may ask.
"""

import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

from connector.foundation.errors import Mistake, Unavailable

PREFIX = "/api/v1"
PATIENCE_S = 90.0
CHUNK = 1 << 20


class Problem(Exception):
    """The server said no: problem+json, with its sentence in both languages."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body

    def sentence(self, lang: str) -> str:
        """The reason in the language asked for, else the best that the server sent."""
        reason = self.body.get("reason")
        if isinstance(reason, Mapping) and reason.get(lang):
            return str(reason[lang])
        return str(self.body.get("detail") or self.body.get("title") or f"HTTP {self.status}")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, patience_s: float) -> None:
        super().__init__("localhost", timeout=patience_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(os.fspath(self._path))
        except (FileNotFoundError, ConnectionRefusedError) as problem:
            raise Unavailable("cli.no-server", socket=self._path) from problem
        except PermissionError as problem:
            raise Mistake("cli.not-allowed", socket=self._path) from problem


class _Whole:
    """A file of a known size while it is sent: whoever writes to it meanwhile neither keeps the server waiting for the
    rest nor has half of it published."""

    def __init__(self, file: IO[bytes], size: int, name: object) -> None:
        self._file, self._left, self._name = file, size, name

    def read(self, most: int = -1, /) -> bytes:
        piece = self._file.read(self._left if most < 0 else min(most, self._left))
        self._left -= len(piece)
        if (not piece and self._left) or (not self._left and self._file.read(1)):
            raise Mistake("cli.file-changed", path=self._name)
        return piece


def path_of(*parts: str) -> str:
    """A path below the prefix; every part is one segment, whatever it holds; raises Mistake if one is empty."""
    if not all(parts):
        raise Mistake("cli.empty")
    return PREFIX + "".join("/" + quote(part, safe="") for part in parts)


class Api:
    """The running server of one data folder; methods raise Unavailable (`cli.no-server`) or Problem."""

    def __init__(self, socket_path: Path, patience_s: float = PATIENCE_S) -> None:
        self._socket, self._patience_s = socket_path, patience_s

    def get(self, *parts: str, **query: object) -> Any:
        with self._answer("GET", path_of(*parts) + _query(query)) as answer:
            return json.loads(answer.read())

    def post(self, *parts: str, body: Mapping[str, object]) -> Any:
        given = {key: value for key, value in body.items() if value is not None}
        headers = {"Content-Type": "application/json"}
        with self._answer("POST", path_of(*parts), json.dumps(given).encode(), headers) as answer:
            return json.loads(answer.read() or b"null")

    def lines(self, *parts: str, body: Mapping[str, object]) -> Iterator[Any]:
        """An answer that tells step by step: one JSON value a line."""
        headers = {"Content-Type": "application/json"}
        with self._answer("POST", path_of(*parts), json.dumps(body).encode(), headers) as answer:
            while line := answer.readline():
                yield json.loads(line)

    def health(self, what: str) -> None:
        """`live`, `ready` or `started`; raises Problem if it is not."""
        with self._answer("GET", f"/health/{what}") as answer:
            answer.read()

    def upload(self, *parts: str, file: IO[bytes], size: int, **query: object) -> Any:
        """The answer to a file of `size` bytes; Mistake if it has fewer by now, or more, and nothing counts then."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        whole = _Whole(file, size, query.get("name", "-"))
        with self._answer("POST", path_of(*parts) + _query(query), whole, headers) as answer:
            return json.loads(answer.read())

    def download(self, *parts: str, **query: object) -> Iterator[bytes]:
        """The body in chunks; raises Unavailable if it is cut."""
        with self._answer("GET", path_of(*parts) + _query(query)) as answer:
            expected, seen = answer.length, 0
            while chunk := answer.read(CHUNK):
                seen += len(chunk)
                yield chunk
            if expected is not None and seen != expected:
                raise Unavailable("cli.broken-off")

    @contextmanager
    def _answer(
        self, method: str, path: str, body: "bytes | _Whole | None" = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        connection = _UnixConnection(self._socket, self._patience_s)
        try:
            connection.request(method, path, body, {"Accept": "application/json", **(headers or {})})
            answer = connection.getresponse()
            if answer.status >= 400:
                raise Problem(answer.status, _problem(answer.read()))
            yield answer
        except (http.client.HTTPException, OSError) as problem:
            raise Unavailable("cli.broken-off") from problem
        finally:
            connection.close()


def _query(query: Mapping[str, object]) -> str:
    given = {key.rstrip("_"): value for key, value in query.items() if value is not None}
    return "?" + urlencode(given, doseq=True) if given else ""


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
