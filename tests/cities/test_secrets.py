"""A whole exchange with the log at its loudest: no secret stands in a log line, an answer or a file (T27)."""

import base64
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from connector.data.dataplane import tokens
from connector.identity.trust.keys.signing import _private_members
from connector.surfaces.peer.client import client
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City, Refused, Space
from tests.testkit.nasty import NastyPeer, nasty_peer

MASTER = "5e" * 31 + "0f"
API_TOKEN = "verwaltung-" + "t0k3n" * 6
MIGHTY = {"master.key", "master"}


def spellings(secret: bytes) -> set[bytes]:
    """A secret as bytes, hex, and base64 of both alphabets, without its padding."""
    plain, url = base64.b64encode(secret), base64.urlsafe_b64encode(secret)
    return {secret, secret.hex().encode(), plain.rstrip(b"="), url.rstrip(b"=")}


def private_keys(city: City) -> set[bytes]:
    """Every private key of every participant."""
    found: set[bytes] = set()
    for slug in ("musterstadt", "nachbardorf"):
        for signer in city.services.participants.held(slug).signers.values():
            text = next(iter(_private_members(signer._private).values()))
            found |= spellings(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


async def read_everything(city: City, nasty: NastyPeer, signed: dict[str, Any]) -> list[bytes]:
    """Every answer of the management surface and what a peer may read."""
    base, agreement = "/api/v1/participants/nachbardorf", signed["agreement"].removeprefix("urn:uuid:")
    paths = [
        "/metrics",
        "/health/ready",
        "/health/live",
        "/api/v1/participants",
        f"{base}/datasets",
        f"{base}/agreements",
        f"{base}/agreements/{agreement}",
        f"{base}/agreements/{agreement}/text",
        f"{base}/figures",
        f"{base}/agreements/{agreement}/evidence",
        f"{base}/negotiations/{signed['id']}",
        f"{base}/find",
        f"{base}/transfers",
        f"{base}/transfers/nothing",
        f"{base}/nothing",
        "/api/v1/settings",
    ]
    answers = []
    for path in paths:
        try:
            answers.append(str(await city.api.get(path)).encode())
        except Refused as refused:
            answers.append(str(refused.problem).encode())
    public = ("/did.json", "/.well-known/dspace-version", "/2025-1/negotiations/x", "/data/x")
    return answers + [(await nasty.get(city, "musterstadt", path)).body for path in public]


def files(folders: Iterable[Path]) -> dict[str, bytes]:
    """Everything on disk but the files that are meant to hold a secret."""
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.name not in MIGHTY
    }


@pytest.mark.threat("T27")
async def test_a_whole_exchange_shows_no_secret(
    space: Space, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every token that was minted, every private key and the master key: no hit in logs, answers, database or files."""
    minted: set[bytes] = set()
    sign, fresh = client.sign_text, tokens.fresh

    def signing(*args: Any) -> str:
        token = sign(*args)
        minted.add(token.rpartition(".")[2].encode())
        return token

    def refreshing() -> str:
        token = fresh()
        minted.add(token.encode())
        return token

    monkeypatch.setattr(client, "sign_text", signing)
    monkeypatch.setattr(tokens, "fresh", refreshing)
    environ = {
        "HANSE_LOG__LEVEL": "debug",
        "HANSE_TRUST__MASTER_KEY": MASTER,
        "HANSE_SIGNERS__CSC_TOKEN": API_TOKEN,
    }
    async with nasty_peer(space) as nasty:
        towns = {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY}
        async with space.running("it", towns, environ) as it:
            made = await it.publish("musterstadt")
            signed = await it.negotiate("nachbardorf", it.did("musterstadt"), made["dataset"])
            received = await it.fetch("nachbardorf", signed["agreement"])
            assert received["outcome"] == "received"
            nasty.answers["/did.json"] = lambda got: (500, b"")
            with suppress(Refused):
                body = {"provider": nasty.did, "dataset": "urn:x", "purpose": PURPOSE}
                await it.api.post("/api/v1/participants/nachbardorf/negotiations", body)
            answers = await read_everything(it, nasty, signed)
            secrets_ = private_keys(it) | spellings(bytes.fromhex(MASTER)) | {API_TOKEN.encode()} | minted
            folder = it.settings.folder
        log = capfd.readouterr().err.encode()
    assert len(minted) >= 6, "tokens of messages and of data were minted"
    assert b"trust.list" in log, "the log was on"
    everything = {"log": log, **files([folder]), **{f"answer {n}": body for n, body in enumerate(answers)}}
    database = next(body for name, body in everything.items() if name.endswith("hanse.db"))
    assert signed["agreement"].encode() in database, "the database is readable"
    hits = [name for name, body in everything.items() for secret in secrets_ if secret in body]
    assert not hits
