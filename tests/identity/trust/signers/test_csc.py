"""Remote signing by the CSC API: what is asked, and what of the answer counts (T48).

The stand-in speaks version 2 of the specification on loopback.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Secret, Signers
from connector.identity.trust.signers.csc import PSS_PARAMETERS, SigningService
from connector.identity.trust.signers.port import KeptKey, Place
from connector.verify.formats import algorithms
from tests.identity.trust.signers.keepers import (
    ALGS,
    KEYS,
    Asked,
    Bend,
    authority,
    digest_signature,
    kept,
    late,
    name,
    service,
    serving,
)
from tests.testkit.patience import PATIENCE_S

PLACE = Place(signer="csc", key="credential-7")
TOKEN, PIN = "token-that-nobody-sees", "4711-pin"
DATA = b"header."
pytestmark = pytest.mark.threat("T48")


class Drip(AsyncIterable[bytes]):
    """A body without end, a byte at a time."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)


@asynccontextmanager
async def key(
    alg: str, answer: Callable[..., Awaitable[web.StreamResponse]], pin: str = PIN, answer_s: float = PATIENCE_S
) -> AsyncIterator[tuple[KeptKey, list[Asked]]]:
    async with serving(answer) as (url, client, asked):
        settings = Signers(csc_url=f"{url}/csc/v2/", csc_token=Secret(TOKEN), csc_pin=Secret(pin))
        yield kept(alg, PLACE, SigningService(settings, client).sign, answer_s), asked


@pytest.mark.parametrize("alg", ALGS)
async def test_a_credential_is_released_for_one_hash_and_signs_it(alg: str) -> None:
    async with key(alg, service(alg)) as (seal_key, asked):
        raw = await seal_key.seal(DATA)
    assert algorithms.verifies(KEYS[alg].public_key(), raw, DATA)
    released, signed = asked
    assert (released.path, signed.path) == ("/csc/v2/credentials/authorize", "/csc/v2/signatures/signHash")
    assert all(one.headers["Authorization"] == f"Bearer {TOKEN}" for one in asked)
    same = {name: released.body[name] for name in ("credentialID", "hashes", "hashAlgorithmOID")}
    assert released.body == {**same, "numSignatures": 1, "authData": [{"id": "PIN", "value": PIN}]}
    oid, hash_oid = {
        "ES256": ("1.2.840.10045.4.3.2", "2.16.840.1.101.3.4.2.1"),
        "ES384": ("1.2.840.10045.4.3.3", "2.16.840.1.101.3.4.2.2"),
        "PS256": ("1.2.840.113549.1.1.10", "2.16.840.1.101.3.4.2.1"),
    }[alg]
    parameters = {"signAlgoParams": PSS_PARAMETERS} if alg == "PS256" else {}
    assert signed.body == {**same, "SAD": "sad-1", "signAlgo": oid, "operationMode": "S", **parameters}
    assert same["hashAlgorithmOID"] == hash_oid


async def test_without_a_pin_none_is_sent() -> None:
    async with key("ES256", service("ES256"), pin="") as (seal_key, asked):
        await seal_key.seal(DATA)
    assert "authData" not in asked[0].body


def test_the_parameters_of_pss_are_those_of_a_real_certificate() -> None:
    """A certificate signed with PSS, SHA-256 and a salt of 32 bytes carries the same DER."""
    issued = authority()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("x"))
        .issuer_name(name("x"))
        .public_key(KEYS["PS256"].public_key())
        .serial_number(1)
        .not_valid_before(issued.ca.not_valid_before_utc)
        .not_valid_after(issued.ca.not_valid_after_utc)
    )
    pss = padding.PSS(padding.MGF1(SHA256()), 32)
    certificate = builder.sign(KEYS["PS256"], SHA256(), rsa_padding=pss)
    assert base64.b64decode(PSS_PARAMETERS) in certificate.public_bytes(Encoding.DER)


def only(call: str, changed: dict[str, Any]) -> Bend:
    return lambda path, answer: changed if path.endswith(call) else answer


def deep() -> dict[str, Any]:
    value: Any = 0
    for _ in range(300):
        value = [value]
    return {"SAD": value}


BENT: dict[str, tuple[Bend, str, str]] = {
    "no SAD": (only("authorize", {"handle": "later"}), "answer", "signers.no-sad"),
    "SAD is a number": (only("authorize", {"SAD": 7}), "answer", "signers.no-sad"),
    "SAD without end": (only("authorize", {"SAD": "x" * 20_000}), "answer", "signers.no-sad"),
    "two signatures": (only("signHash", {"signatures": ["AA==", "AA=="]}), "answer", "signers.signature-count"),
    "no signature": (only("signHash", {"signatures": []}), "answer", "signers.signature-count"),
    "promised for later": (only("signHash", {"responseID": "7"}), "answer", "signers.signature-count"),
    "not base64": (only("signHash", {"signatures": ["A A="]}), "answer", "signers.encoding"),
    "stray bits": (only("signHash", {"signatures": ["AB=="]}), "answer", "signers.encoding"),
    "wrong signature": (only("signHash", {"signatures": ["AAAA"]}), "wrong-signature", ""),
    "another hash signed": (
        only("signHash", {"signatures": [base64.b64encode(digest_signature(KEYS["ES256"], bytes(32))).decode()]}),
        "wrong-signature",
        "",
    ),
    "huge": (only("signHash", {"signatures": ["A" * 100_000]}), "answer", "http.answer-size"),
    "a bomb": (only("signHash", {"signatures": [[[[0] * 40] * 40] * 8]}), "answer", "http.json-nodes"),
    "nothing but depth": (only("authorize", deep()), "answer", "http.json-depth"),
    "base64url": (only("signHash", {"signatures": ["_-8="]}), "answer", "signers.encoding"),
}


@pytest.mark.parametrize("bent", BENT)
async def test_what_a_hostile_service_answers_is_not_used(bent: str) -> None:
    bend, code, why = BENT[bent]
    async with key("ES256", service("ES256", bend)) as (seal_key, _):
        with pytest.raises(Unavailable) as found:
            await seal_key.seal(DATA)
    assert (found.value.code, found.value.facts.get("why", "")) == (f"signers.{code}", why)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (400, b'{"error":"invalid_request","error_description":"PIN 4711-pin is wrong"}', "invalid_request"),
        (401, b'{"error":"Bearer token-that-nobody-sees"}', "-"),
        (403, b"<html>no</html>", "-"),
        (500, b"", "-"),
        (202, b'{"SAD":"sad-1"}', "-"),
        (302, b"", "-"),
    ],
)
async def test_a_refusal_says_its_status_and_never_what_we_sent(status: int, body: bytes, why: str) -> None:
    async def answer(path: str, asked: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Location": "https://elsewhere.example/"})

    async with key("ES256", answer) as (seal_key, _):
        with pytest.raises(Unavailable, match=r"signers\.refused") as found:
            await seal_key.seal(DATA)
    assert (found.value.facts["status"], found.value.facts["why"]) == (status, why)
    assert TOKEN not in str(found.value)
    assert PIN not in str(found.value)


async def test_a_refused_pin_is_not_tried_again() -> None:
    """>> the PIN is wrong, two seals << asked once: services lock a key after a few; another key is still asked for."""

    async def answer(path: str, asked: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": "invalid_pin", "error_description": f"{PIN} is wrong"}, status=400)

    async with serving(answer) as (url, client, asked):
        keeper = SigningService(Signers(csc_url=url, csc_token=Secret(TOKEN), csc_pin=Secret(PIN)), client).sign
        for place in (PLACE, PLACE, Place(signer="csc", key="credential-8")):
            with pytest.raises(Unavailable, match=r"signers\.csc-pin") as found:
                await kept("ES256", place, keeper).seal(DATA)
            assert PIN not in str(found.value)
    assert [one.body["credentialID"] for one in asked] == ["credential-7", "credential-8"]


async def test_bug_seals_that_waited_together_locked_the_credential_with_a_wrong_pin() -> None:
    """>> the PIN is wrong, and twenty contracts wait at the start << it is tried once, not twenty times."""

    async def answer(path: str, asked: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return web.json_response({"error": "invalid_pin"}, status=400)

    async with key("ES256", answer) as (seal_key, asked):
        found = await asyncio.gather(*(seal_key.seal(DATA) for _ in range(20)), return_exceptions=True)
    assert {getattr(one, "code", None) for one in found} == {"signers.csc-pin"}
    assert len(asked) == 1


async def test_once_the_pin_was_taken_seals_wait_for_nobody() -> None:
    """>> one seal, then two at once, each of which is answered only when both have asked << both are sealed."""
    together = asyncio.Barrier(2)

    async def answer(path: str, body: dict[str, Any]) -> web.StreamResponse:
        if path.endswith("authorize") and len(asked) > 2:
            await together.wait()
        return await service("ES256")(path, body)

    async with key("ES256", answer) as (seal_key, asked):
        await seal_key.seal(DATA)
        assert len(await asyncio.gather(seal_key.seal(DATA), seal_key.seal(DATA))) == 2


async def test_whoever_gives_up_with_the_first_pin_leaves_the_others_their_turn() -> None:
    """>> the first of two is cancelled while it asks << the second asks, and is sealed."""
    asks, go = asyncio.Event(), asyncio.Event()

    async def answer(path: str, body: dict[str, Any]) -> web.StreamResponse:
        asks.set()
        await go.wait()
        return await service("ES256")(path, body)

    async with key("ES256", answer) as (seal_key, _):
        first, second = asyncio.create_task(seal_key.seal(DATA)), asyncio.create_task(seal_key.seal(DATA))
        await asks.wait()
        first.cancel()
        go.set()
        assert await second


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"SAD":"a","SAD":"b"}'], ids=["no object", "cut", "doubled name"])
async def test_an_answer_that_two_readers_could_read_differently_is_not_used(body: bytes) -> None:
    async def answer(path: str, asked: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=body)

    async with key("ES256", answer) as (seal_key, _):
        with pytest.raises(Unavailable, match=r"signers\.answer"):
            await seal_key.seal(DATA)


@pytest.mark.threat("T60")
async def test_a_service_that_drips_is_cut_off() -> None:
    """>> one byte after the other << bounded by the whole time, not by the gap."""

    async def drip(request_path: str, asked: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=Drip())

    async with key("ES256", drip, answer_s=0.1) as (seal_key, _):
        with pytest.raises(Unavailable, match=r"signers\.too-slow"):
            await seal_key.seal(DATA)


@pytest.mark.threat("T60")
async def test_an_answer_for_another_request_seals_nothing() -> None:
    """>> the service mixes up two callers << each refuses the other's signature: it is over another hash."""
    earlier: list[str] = []

    def mixed(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("signHash"):
            earlier.extend(answer["signatures"])
            return {"signatures": [earlier[0]]}
        return answer

    async with key("ES256", service("ES256", mixed)) as (seal_key, _):
        assert await seal_key.seal(b"first.")
        with pytest.raises(Unavailable, match=r"signers\.wrong-signature"):
            await seal_key.seal(b"second.")


async def test_a_token_of_the_credential_needs_no_release() -> None:
    """Its scope is `credential`: the service asks for no SAD, and nothing is asked of `credentials/authorize`."""
    async with serving(service("ES256")) as (url, client, asked):
        settings = Signers(csc_url=url, csc_token=Secret(TOKEN), csc_authorize=False)
        await kept("ES256", PLACE, SigningService(settings, client).sign).seal(DATA)
    (only_one,) = asked
    assert only_one.path.endswith("signatures/signHash")
    assert "SAD" not in only_one.body


async def test_a_service_may_call_its_pin_otherwise() -> None:
    """The names of `authData` are those that the service publishes for the credential."""
    async with serving(service("ES256")) as (url, client, asked):
        settings = Signers(csc_url=url, csc_token=Secret(TOKEN), csc_pin=Secret(PIN), csc_pin_id="password")
        await kept("ES256", PLACE, SigningService(settings, client).sign).seal(DATA)
    assert asked[0].body["authData"] == [{"id": "password", "value": PIN}]


async def test_a_slow_service_is_not_waited_for() -> None:
    async with key("ES256", late, answer_s=0.05) as (seal_key, _):
        with pytest.raises(Unavailable, match=r"signers\.too-slow"):
            await seal_key.seal(DATA)


async def test_only_https_and_no_inner_network_is_called() -> None:
    """The settings are an operator's, but a slip must not send the token in the clear."""
    async with serving(service("ES256")) as (url, _, asked):
        client = SafeClient()
        settings = Signers(csc_url=url, csc_token=Secret(TOKEN))
        with pytest.raises(Unavailable, match=r"signers\.answer") as found:
            await kept("ES256", PLACE, SigningService(settings, client).sign).seal(DATA)
        await client.close()
    assert found.value.facts["why"] == "http.url-refused"
    assert asked == []


async def test_what_is_not_set_is_said() -> None:
    async with serving(service("ES256")) as (_, client, asked):
        with pytest.raises(Unavailable, match=r"signers\.not-set"):
            await kept("ES256", PLACE, SigningService(Signers(), client).sign).seal(DATA)
    assert asked == []


def test_the_secrets_of_the_settings_do_not_show() -> None:
    assert TOKEN not in json.dumps(repr(Signers(csc_token=Secret(TOKEN))))
