"""Seals by the transit engine of Vault: what is asked, and what of the answer counts (T48)."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from connector.foundation.errors import Unavailable
from connector.foundation.settings.sections import Secret, Signers
from connector.identity.trust.keys.jwk import encode
from connector.identity.trust.signers.port import KeptKey, Place
from connector.identity.trust.signers.vault_transit import Transit
from connector.verify.formats import algorithms
from tests.identity.trust.signers.keepers import (
    ALGS,
    KEYS,
    Asked,
    digest_signature,
    kept,
    late,
    serving,
    signature,
    transit,
)
from tests.testkit.patience import PATIENCE_S

TOKEN = "hvs.that-nobody-sees"
DATA = b"header."
pytestmark = pytest.mark.threat("T48")


@asynccontextmanager
async def key(
    alg: str, answer: Callable[..., Awaitable[web.StreamResponse]], at: str = "siegel", answer_s: float = PATIENCE_S
) -> AsyncIterator[tuple[KeptKey, list[Asked]]]:
    async with serving(answer) as (url, client, asked):
        settings = Signers(vault_url=f"{url}/v1/transit", vault_token=Secret(TOKEN))
        yield kept(alg, Place(signer="vault", key=at), Transit(settings, client).sign, answer_s), asked


@pytest.mark.parametrize("alg", ALGS)
async def test_the_engine_signs_a_digest_in_the_form_of_jws(alg: str) -> None:
    async with key(alg, transit(alg)) as (seal_key, asked):
        raw = await seal_key.seal(DATA)
    assert algorithms.verifies(KEYS[alg].public_key(), raw, DATA)
    (only,) = asked
    assert only.path == "/v1/transit/sign/siegel"
    assert (only.headers["X-Vault-Token"], only.headers["X-Vault-Request"]) == (TOKEN, "true")
    digest = only.body.pop("input")
    form = {"signature_algorithm": "pss", "salt_length": "hash"} if alg == "PS256" else {"marshaling_algorithm": "jws"}
    hashed = "sha2-384" if alg == "ES384" else "sha2-256"
    assert only.body == {"prehashed": True, "hash_algorithm": hashed, **form}
    assert len(base64.b64decode(digest)) == (48 if alg == "ES384" else 32)


async def test_a_version_can_be_named_and_must_be_the_one_that_signed() -> None:
    """A rotated key signs with its newest version; the certificate stays with the one it was issued for."""
    async with key("ES256", transit("ES256", 3), at="siegel@3") as (seal_key, asked):
        await seal_key.seal(DATA)
    assert (asked[0].path, asked[0].body["key_version"]) == ("/v1/transit/sign/siegel", 3)
    async with key("ES256", transit("ES256", 4), at="siegel@3") as (seal_key, _):
        with pytest.raises(Unavailable, match=r"signers\.answer"):
            await seal_key.seal(DATA)


ANSWERS: dict[str, tuple[object, str]] = {
    "no data": ({}, "answer"),
    "data is a list": ({"data": []}, "answer"),
    "no prefix": ({"data": {"signature": "AAAA"}}, "answer"),
    "another prefix": ({"data": {"signature": "vault:v0:AAAA"}}, "answer"),
    "not base64url": ({"data": {"signature": "vault:v1:AA=="}}, "answer"),
    "without end": ({"data": {"signature": "vault:v1:" + "A" * 5000}}, "answer"),
    "huge": ({"data": {"signature": "A" * 100_000}}, "answer"),
    "wrong signature": ({"data": {"signature": "vault:v1:AAAA"}}, "wrong-signature"),
    "another digest": ({"data": {"signature": f"vault:v1:{signature('ES256', bytes(32))}"}}, "wrong-signature"),
    "an array": ([], "answer"),
    "results of a batch": ({"data": {"batch_results": [{"error": "missing input"}]}}, "answer"),
    "errors in a 200": ({"errors": ["1 error occurred"], "data": None}, "answer"),
    "DER in the form of JWS": (
        {"data": {"signature": f"vault:v1:{encode(digest_signature(KEYS['ES256'], bytes(32)))}"}},
        "wrong-signature",
    ),
    "a bomb": ({"data": [[[[0] * 40] * 40] * 6]}, "answer"),
}


@pytest.mark.parametrize("given", ANSWERS)
async def test_what_a_hostile_engine_answers_is_not_used(given: str) -> None:
    body, code = ANSWERS[given]

    async def answer(path: str, asked: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(body)

    async with key("ES256", answer) as (seal_key, _):
        with pytest.raises(Unavailable, match=rf"signers\.{code}"):
            await seal_key.seal(DATA)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
async def test_a_refusal_or_a_sealed_vault_is_for_now(status: int) -> None:
    async def answer(path: str, asked: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"errors": [f"permission denied for {TOKEN}"]}, status=status)

    async with key("ES256", answer) as (seal_key, _):
        with pytest.raises(Unavailable, match=r"signers\.refused") as found:
            await seal_key.seal(DATA)
    assert found.value.facts["status"] == status
    assert TOKEN not in str(found.value)


@pytest.mark.threat("T60")
async def test_a_standby_node_leads_us_nowhere_else() -> None:
    """>> 307 with a place << the token is not carried to wherever a node points; the address of the cluster is ours."""

    async def answer(path: str, asked: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "http://127.0.0.1:1/v1/transit/sign/siegel"})

    async with key("ES256", answer) as (seal_key, asked):
        with pytest.raises(Unavailable, match=r"signers\.refused") as found:
            await seal_key.seal(DATA)
    assert (len(asked), found.value.facts["status"]) == (1, 307)


@pytest.mark.threat("T60")
async def test_an_older_vault_that_knows_no_salt_length_seals_nothing_wrong() -> None:
    """>> PSS with the longest salt, as before `salt_length` << PS256 means 32 bytes: not used."""

    async def answer(path: str, asked: dict[str, Any]) -> web.StreamResponse:
        private = KEYS["PS256"]
        assert isinstance(private, rsa.RSAPrivateKey)
        longest = padding.PSS(padding.MGF1(SHA256()), padding.PSS.MAX_LENGTH)
        made = private.sign(base64.b64decode(asked["input"]), longest, Prehashed(SHA256()))
        return web.json_response({"data": {"signature": f"vault:v1:{base64.b64encode(made).decode()}"}})

    async with key("PS256", answer) as (seal_key, _):
        with pytest.raises(Unavailable, match=r"signers\.wrong-signature"):
            await seal_key.seal(DATA)


async def test_a_slow_engine_is_not_waited_for() -> None:
    async with key("ES256", late, answer_s=0.05) as (seal_key, _):
        with pytest.raises(Unavailable, match=r"signers\.too-slow"):
            await seal_key.seal(DATA)


async def test_a_name_that_leads_elsewhere_never_becomes_an_address() -> None:
    """Rows are checked when they are written; a forged one still calls nobody."""
    async with key("ES256", transit("ES256"), at="../../sys/seal") as (seal_key, asked):
        with pytest.raises(Unavailable, match=r"signers\.answer"):
            await seal_key.seal(DATA)
    assert asked == []


async def test_what_is_not_set_is_said() -> None:
    async with serving(transit("ES256")) as (_, client, asked):
        with pytest.raises(Unavailable, match=r"signers\.not-set"):
            await kept("ES256", Place(signer="vault", key="siegel"), Transit(Signers(), client).sign).seal(DATA)
    assert asked == []
