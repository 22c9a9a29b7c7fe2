"""Access tokens fetched from a remote signing service for a client's name and secret (RFC 6749, 4.4; T48)."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Secret, Signers
from connector.identity.trust.signers.client_credentials import EARLY_S, LONGEST_S, UNSAID_S, Grant
from connector.identity.trust.signers.csc import SigningService
from connector.identity.trust.signers.port import KeptKey, Place
from tests.identity.trust.signers.keepers import KEYS, digest_signature, kept
from tests.testkit.patience import PATIENCE_S

PLACE = Place(signer="csc", key="credential-7")
NAME, SECRET = "hanse:stadt", "geheim%&+ä"
GOOD = {"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600}
DATA = b"header."
pytestmark = pytest.mark.threat("T48")


class Service:
    """A signing service with a token endpoint: it numbers its tokens, and takes only the newest one."""

    def __init__(self) -> None:
        self.settings, self.client = Signers(), SafeClient(allow=("127.0.0.0/8",), insecure=True, total_s=PATIENCE_S)
        self.now, self.given, self.requests, self.calls = 1_000.0, 0, list[web.Request](), list[str]()
        self.answer: tuple[int, Any] = (200, None)
        self.forms: list[dict[str, list[str]]] = []
        self.denies = 0

    @property
    def grant(self) -> Grant:
        return Grant(self.settings, self.client, lambda: self.now)

    @property
    def key(self) -> KeptKey:
        return kept("ES256", PLACE, SigningService(self.settings, self.client).sign)

    async def tokens(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.forms.append(parse_qs(await request.text(), keep_blank_values=True))
        await asyncio.sleep(0.01)
        self.given += 1
        status, body = self.answer
        if body is None:
            body = {**GOOD, "access_token": f"token-{self.given}"}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=data)

    async def signs(self, request: web.Request) -> web.Response:
        self.calls.append(request.path.rpartition("/")[2])
        if self.denies or request.headers["Authorization"] != f"Bearer token-{self.given}":
            self.denies -= bool(self.denies)
            return web.json_response({"error": "invalid_token"}, status=401)
        if request.path.endswith("authorize"):
            return web.json_response({"SAD": "sad"})
        digest = base64.b64decode((await request.json())["hashes"][0])
        return web.json_response({"signatures": [base64.b64encode(digest_signature(KEYS["ES256"], digest)).decode()]})


@asynccontextmanager
async def service(**settings: Any) -> AsyncIterator[Service]:
    there, application = Service(), web.Application()
    application.router.add_post("/csc/v2/oauth2/token", there.tokens)
    application.router.add_post("/elsewhere", there.tokens)
    application.router.add_post("/csc/v2/{path:.*}", there.signs)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    named = {name: value.replace("URL", url) if isinstance(value, str) else value for name, value in settings.items()}
    there.settings = Signers(csc_url=f"{url}/csc/v2/", csc_client=NAME, csc_client_secret=Secret(SECRET), **named)
    try:
        yield there
    finally:
        await there.client.close()
        await runner.cleanup()


async def test_one_token_seals_many_contracts() -> None:
    """>> three seals << one token, asked for with the client's name and secret in the header, both escaped."""
    async with service() as there:
        key = there.key
        for _ in range(3):
            assert await key.seal(DATA)
        [asked] = there.requests
    assert there.forms == [{"grant_type": ["client_credentials"], "scope": ["service"]}]
    assert (
        base64.b64decode(asked.headers["Authorization"].removeprefix("Basic "))
        == b"hanse%3Astadt:geheim%25%26%2B%C3%A4"
    )
    assert asked.query_string == ""
    assert there.calls == ["authorize", "signHash"] * 3


async def test_a_service_may_want_the_secret_in_the_body_and_at_another_address() -> None:
    async with service(csc_client_auth="body", csc_oauth_url="URL/elsewhere") as there:
        assert await there.grant.token() == "token-1"
        [asked] = there.requests
    assert (asked.path, "Authorization" in asked.headers) == ("/elsewhere", False)
    assert (there.forms[0]["client_id"], there.forms[0]["client_secret"]) == ([NAME], [SECRET])


async def test_many_at_once_ask_once() -> None:
    async with service() as there:
        grant = there.grant
        assert await asyncio.gather(*(grant.token() for _ in range(20))) == ["token-1"] * 20
    assert there.given == 1


async def test_whoever_gives_up_waiting_leaves_the_others_their_turn() -> None:
    """>> the first of two is cancelled while it asks << the second asks for itself."""
    async with service() as there:
        grant = there.grant
        first, second = asyncio.create_task(grant.token()), asyncio.create_task(grant.token())
        await asyncio.sleep(0)
        first.cancel()
        assert await second in ("token-1", "token-2")


@pytest.mark.parametrize(
    ("said", "lasts"),
    [({"expires_in": 3600}, 3600 - EARLY_S), ({}, UNSAID_S - EARLY_S), ({"expires_in": 10**12}, LONGEST_S - EARLY_S)],
)
async def test_a_token_is_used_until_shortly_before_its_end(said: dict[str, int], lasts: float) -> None:
    async with service() as there:
        grant = there.grant
        there.answer = (200, {"access_token": "first", "token_type": "bearer", **said})
        assert await grant.token() == "first"
        there.answer = (200, None)
        there.now += lasts - 1
        assert await grant.token() == "first"
        there.now += 2
        assert await grant.token() == "token-2"


async def test_a_token_that_ends_at_once_serves_one_call() -> None:
    async with service() as there:
        there.answer = (200, {**GOOD, "expires_in": 0})
        grant = there.grant
        assert [await grant.token(), await grant.token()] == ["token-1", "token-1"]
    assert there.given == 2


async def test_a_token_that_is_not_taken_any_more_is_fetched_anew() -> None:
    """>> the service forgets its tokens (a restart there) << one more is asked for, and the seal is made."""
    async with service() as there:
        key = there.key
        await key.seal(DATA)
        there.denies = 1
        assert await key.seal(DATA)
    assert there.given == 2


async def test_a_service_that_takes_no_token_is_not_asked_without_end() -> None:
    """>> every token is refused << two calls, then the reason."""
    async with service() as there:
        there.denies = 9
        with pytest.raises(Unavailable, match=r"signers\.refused") as found:
            await there.key.seal(DATA)
    assert (found.value.facts["status"], found.value.facts["why"]) == (401, "invalid_token")
    assert (there.given, there.calls) == (2, ["authorize", "authorize"])


async def test_another_token_that_came_meanwhile_stays() -> None:
    """>> two seals met the same dead token, one has fetched anew << the other's complaint does not throw that away."""
    async with service() as there:
        grant = there.grant
        dead = await grant.token()
        grant.refused(dead)
        fresh = await grant.token()
        grant.refused(dead)
        assert await grant.token() == fresh


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (400, {"error": "invalid_client", "error_description": SECRET}, "invalid_client"),
        (401, b"<html>geheim</html>", "-"),
        (302, b"", "-"),
        (500, {"error": "Bearer token-1"}, "-"),
    ],
)
async def test_whoever_gets_no_token_reads_why_and_never_a_secret(status: int, body: Any, why: str) -> None:
    async with service() as there:
        there.answer = (status, body)
        with pytest.raises(Unavailable, match=r"signers\.grant") as found:
            await there.key.seal(DATA)
    assert found.value.facts == {"status": status, "why": why}
    assert SECRET not in repr((found.value, there.settings))


BAD = {
    "no object": [GOOD],
    "no token": {**GOOD, "access_token": None},
    "a number": {**GOOD, "access_token": 7},
    "empty": {**GOOD, "access_token": ""},
    "a line break": {**GOOD, "access_token": "a\r\nX-Evil: 1"},
    "too long": {**GOOD, "access_token": "x" * 20_000},
    "another kind": {**GOOD, "token_type": "mac"},
    "no kind": {"access_token": "a"},
    "ended before": {**GOOD, "expires_in": -1},
    "life is text": {**GOOD, "expires_in": "3600"},
    "life is true": {**GOOD, "expires_in": True},
    "huge": b"x" * 100_000,
    "twice": b'{"access_token":"a","access_token":"b","token_type":"bearer"}',
    "deep": b"[" * 5_000,
}


@pytest.mark.parametrize("name", BAD)
async def test_an_answer_that_is_no_token_is_not_used(name: str) -> None:
    async with service() as there:
        there.answer = (200, BAD[name])
        grant = there.grant
        with pytest.raises(PeerError):
            await grant.token()
        with pytest.raises(Unavailable, match=r"signers\.answer"):
            await there.key.seal(DATA)
        there.answer = (200, None)
        assert (await grant.token()).startswith("token-")
