"""DID documents of others, read leniently and checked strictly (spec/trust.md 1.3).

Lenient: relationship entries as strings or objects, ids absolute or `#relative`, any `@context`. Strict: the document
speaks of the DID asked for, ids are unique, a key is found only in the relation that is needed. A key that another DID
controls acts for the subject with tokens; as assertion it counts for nothing (spec/mandates.md 3; T108).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from connector.foundation.errors import PeerError, Unauthenticated
from connector.foundation.http.address import LONGEST, target
from connector.identity.trust.did.did import VERSION_PATH, Did
from connector.identity.trust.keys.jwk import Jwk, thumbprint

RELATIONS: Final = ("authentication", "capabilityInvocation", "assertionMethod")
_MOST: Final = 100


class DidDocument(Struct, frozen=True):
    """Keys by relation and id, services by type (the first of each type counts)."""

    did: Did
    keys: Mapping[str, Mapping[str, Jwk]]
    methods: int
    services: Mapping[str, str]
    raw: Mapping[str, Any]

    def key(self, kid: str | None, relation: str) -> Jwk:
        """The JWK of that id in that relation; without an id the only one of a document that has only one method."""
        keys = self.keys.get(relation, {})
        if kid is None and self.methods == 1 and len(keys) == 1:
            return next(iter(keys.values()))
        jwk = keys.get(_absolute(self.did, kid)) if kid is not None else None
        if jwk is None:
            raise Unauthenticated("trust.did-key", did=self.did, relation=relation)
        return jwk

    def names(self, kid: str, relation: str) -> bool:
        """Whether a key of that id stands in that relation."""
        return _absolute(self.did, kid) in self.keys.get(relation, {})

    def service(self, kind: str) -> str | None:
        """The endpoint of the first service of a type."""
        return self.services.get(kind)

    @property
    def root(self) -> str | None:
        """The address of its connector, from the `DataService` entry; None if there is none that we would call."""
        service = self.service("DataService") or ""
        return _root(service) if len(service) <= LONGEST + len(VERSION_PATH) else None

    def thumbprints(self) -> Mapping[str, frozenset[str]]:
        """Per relation, which keys stand there, whatever they are called."""
        return {relation: frozenset(thumbprint(jwk) for jwk in keys.values()) for relation, keys in self.keys.items()}


@lru_cache(maxsize=4096)
def _root(service: str) -> str | None:
    """Every message asks for it, to a peer and from one."""
    endpoint = service.removesuffix(VERSION_PATH).rstrip("/")
    there = target(endpoint)
    return endpoint if there is not None and there.query is None else None


def read_document(did: Did, value: object) -> DidDocument:
    """A DID document that was served for `did`; `PeerError` if it is another's or makes no sense."""
    if not isinstance(value, dict) or value.get("id") != did:
        raise PeerError("trust.did-document", did=did)
    try:
        methods = _methods(did, _list(value, "verificationMethod"))
        keys = {relation: _related(did, _list(value, relation), methods) for relation in RELATIONS}
        for kid in _foreign(did, value):
            keys["assertionMethod"].pop(kid, None)
        return DidDocument(did, keys, len(methods), _services(_list(value, "service")), value)
    except (ValueError, KeyError, TypeError, PeerError) as cause:
        raise PeerError("trust.did-document", did=did) from cause


def _absolute(did: str, text: str) -> str:
    return did + text if text.startswith("#") else text


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    entries = document.get(name, [])
    if not isinstance(entries, list) or len(entries) > _MOST:
        raise ValueError(name)
    return entries


def _foreign(did: Did, document: Mapping[str, Any]) -> list[str]:
    """The ids of methods that another controls, wherever they stand."""
    entries = [*_list(document, "verificationMethod"), *_list(document, "assertionMethod")]
    return [
        _absolute(did, str(one["id"])) for one in entries if isinstance(one, dict) and one.get("controller", did) != did
    ]


def _methods(did: Did, entries: list[Any]) -> dict[str, Jwk | None]:
    methods = dict(_method(did, entry) for entry in entries)
    if len(methods) != len(entries):
        raise ValueError("ids")
    return methods


def _method(did: Did, entry: Any) -> tuple[str, Jwk | None]:
    """A method without a JWK (another key format) is kept by name, so that nobody mistakes it for another."""
    if not isinstance(entry["id"], str):
        raise TypeError("id")
    jwk = entry.get("publicKeyJwk")
    if jwk is not None:
        if not isinstance(jwk, dict):
            raise TypeError("publicKeyJwk")
        thumbprint(jwk)
    return _absolute(did, entry["id"]), jwk


def _related(did: Did, entries: list[Any], methods: Mapping[str, Jwk | None]) -> dict[str, Jwk]:
    keys: dict[str, Jwk] = {}
    for entry in entries:
        kid, jwk = _related_key(did, entry, methods)
        if jwk is not None and kid.startswith(f"{did}#"):
            keys[kid] = jwk
    return keys


def _related_key(did: Did, entry: Any, methods: Mapping[str, Jwk | None]) -> tuple[str, Jwk | None]:
    if isinstance(entry, str):
        kid = _absolute(did, entry)
        return kid, methods.get(kid)
    kid, jwk = _method(did, entry)
    if kid in methods and methods[kid] != jwk:
        raise ValueError("embedded key under a listed id")
    return kid, jwk


def _services(entries: list[Any]) -> dict[str, str]:
    services: dict[str, str] = {}
    for entry in entries:
        kinds, endpoint = entry["type"], entry["serviceEndpoint"]
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if isinstance(kind, str) and isinstance(endpoint, str):
                services.setdefault(kind, endpoint)
    return services
