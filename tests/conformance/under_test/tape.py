"""What came in and what went out, as lines of JSON in a file: the proof beside a failing test."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from connector.foundation.errors import HanseError
from connector.foundation.http import limits
from connector.foundation.http.outbound import Answer

LONGEST = 20_000
Note = Callable[[Answer], Answer]


class Tape:
    """Without a file it keeps nothing."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    @contextmanager
    def out(self, method: str, url: str, body: bytes) -> Iterator[Note]:
        """A request of ours; what is noted is the answer, else the error."""

        def note(answer: Answer) -> Answer:
            self._line("out", method, url, answer.status, _text(body), _text(answer.body))
            return answer

        try:
            yield note
        except HanseError as error:
            self._line("out", method, url, 0, _text(body), str(error))
            raise

    def middleware(self) -> limits.Middleware:
        """For the application under test: every request with what it was answered."""

        @web.middleware
        async def taped(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await handler(request)
            body, answer = request.get(limits.body_read, b""), _answered(response)
            self._line("in", request.method, str(request.rel_url), response.status, _text(body), _text(answer))
            return response

        return taped

    def _line(self, direction: str, method: str, url: str, status: int, body: str, answer: str) -> None:
        if self._file is None:
            return
        line = {
            "at": time.time(),
            "direction": direction,
            "method": method,
            "url": url,
            "status": status,
            "body": body[:LONGEST],
            "answer": answer[:LONGEST],
        }
        with self._file.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line, ensure_ascii=False) + "\n")


def _answered(response: web.StreamResponse) -> bytes:
    return response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
