"""Documents as hosts serve them, and the resolver that a test lets read them."""

import asyncio
import json
from typing import Any

from connector.foundation.errors import HanseError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.identity.trust.did.did import Did, document
from connector.identity.trust.did.resolver import Resolver
from connector.identity.trust.keys.signing import KeyRecord, SoftwareKey

DID = "did:web:daten.stadt.de"
ROOT = "https://daten.stadt.de"


class Web:
    """Serves documents by URL and counts what is fetched."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer | HanseError] = {}
        self.fetched: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def put(self, value: object, did: str = DID, status: int = 200) -> None:
        host = did.removeprefix("did:web:")
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.pages[f"https://{host}/.well-known/did.json"] = Answer(status, {}, body)

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        self.fetched.append(url)
        await self.gate.wait()
        page = self.pages.get(url, Unavailable("http.unreachable", host="x"))
        if isinstance(page, HanseError):
            raise page
        return page


def keys(*purposes: Any) -> list[KeyRecord]:
    return [SoftwareKey.generate(purpose, DID).record() for purpose in purposes or ("peer", "seal")]


def made(records: list[KeyRecord]) -> dict[str, object]:
    return document(Did(DID), ROOT, records)


def heard(resolver: Resolver, changes: list[Any]) -> Resolver:
    """The holds that begin are noted; the keys seen are not."""
    resolver.listen(lambda *change: changes.append(change), lambda did, keys: None)
    return resolver
