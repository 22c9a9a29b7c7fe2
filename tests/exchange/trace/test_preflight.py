"""What a look at a version document finds: there, away, refused by our own guard, or something else in its place."""

import pytest

from connector.exchange.trace import preflight
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.kernel.protocol import versions

ROOT, SERVICE = "https://musterstadt.example/daten", "did:web:musterstadt.example:daten#dsp"


class There:
    """Answers one thing, and keeps what was asked."""

    def __init__(self, answer: Answer | HanseError) -> None:
        self._answer, self.asked = answer, ""

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        assert limit is not None
        assert total_s is not None
        self.asked = url
        if isinstance(self._answer, HanseError):
            raise self._answer
        return self._answer


async def test_a_version_document_that_is_there_is_no_finding() -> None:
    there = There(Answer(200, {}, versions.document(SERVICE)))
    seen = await preflight.look(there, ROOT + "/", SERVICE)
    assert (seen.url, seen.code, seen.reason) == (f"{ROOT}/.well-known/dspace-version", "", None)
    assert there.asked == seen.url


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Unavailable("http.unreachable", host="x"), "http.unreachable"),
        (PeerError("http.address-refused", host="x"), "http.address-refused"),
        (PeerError("http.answer-size", limit=1), "http.answer-size"),
        (Answer(404, {}, b""), "trace.version-status"),
        (Answer(302, {}, b""), "trace.version-status"),
        (Answer(200, {}, b"<html>Willkommen</html>"), "trace.version-form"),
        (Answer(200, {}, b""), "trace.version-form"),
        (Answer(200, {}, b'{"protocolVersions": [{"version": "0.8", "path": "/"}]}'), "trace.version-form"),
        (Answer(200, {}, versions.document("did:web:somebody.else#dsp")), "trace.version-form"),
    ],
)
async def test_whatever_else_is_there_is_the_finding(answer: Answer | HanseError, code: str) -> None:
    """Another connector at our address is as bad as none: a proxy that leads to the wrong house."""
    seen = await preflight.look(There(answer), ROOT, SERVICE)
    assert seen.code == code
    assert seen.reason is not None
    assert all(seen.reason.values())
