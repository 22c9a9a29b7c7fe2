"""did:web identifiers and the document that we publish (spec/trust.md 1.1, 1.2; T02, T23).

Own grammar, so that each accepted DID leads to exactly one https URL on the host that it names. DIDs are compared as
strings and never put into a URL path.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NewType

from connector.foundation.errors import Mistake, PeerError
from connector.foundation.http.address import HOST, host_plain, is_literal, port_allowed
from connector.identity.trust.keys.signing import KeyRecord, Purpose

Did = NewType("Did", str)

LONGEST: Final = 512
CONTEXT: Final = ("https://www.w3.org/ns/did/v1", "https://w3id.org/dspace-dcp/v1.0/dcp.jsonld")
VERSION_PATH: Final = "/.well-known/dspace-version"
RELATIONS: Final[Mapping[Purpose, tuple[str, ...]]] = {
    "peer": ("authentication", "capabilityInvocation"),
    "seal": ("assertionMethod",),
    "log": (),
    "log-pq": (),
    "seal-pq": (),
    "agent": ("authentication", "capabilityInvocation"),
}
_DID: Final = re.compile(rf"did:web:(?P<host>{HOST})(?:%3A(?P<port>[1-9][0-9]{{0,4}}))?(?P<path>(?::[A-Za-z0-9._-]+)*)")
_ROOT: Final = re.compile(rf"https://(?P<host>{HOST})(?::(?P<port>[1-9][0-9]{{0,4}}))?(?P<path>(?:/[A-Za-z0-9._-]+)*)")


def parse(text: str) -> Did:
    """The DID, checked: host name (no IP literal), allowed port, plain path segments. `PeerError` otherwise."""
    if _good(_DID, text, ":") is None:
        raise PeerError("trust.did")
    return Did(text)


def of_root(root: str) -> Did:
    """The DID of a participant's root, an https URL without a slash at its end; `Mistake` if it cannot have one."""
    match = _good(_ROOT, root, "/")
    if match is None:
        raise Mistake("trust.root", root=root)
    port = f"%3A{match['port']}" if match["port"] else ""
    return Did(f"did:web:{match['host']}{port}{match['path'].replace('/', ':')}")


def host_of(did: Did) -> str:
    """The host name of a checked DID, without a port."""
    match = _DID.fullmatch(did)
    assert match is not None
    return match["host"]


def host(text: str) -> str | None:
    """The text itself if a DID may lie on a host of that name."""
    return text if _good(_DID, f"did:web:{text}", ":") is not None and ":" not in text and "%" not in text else None


def root_of(did: Did) -> str:
    """The https URL that a did:web names: `https://localhost:18443/musterstadt`."""
    match = _DID.fullmatch(did)
    if match is None:
        raise PeerError("trust.did")
    port = f":{match['port']}" if match["port"] else ""
    return f"https://{match['host']}{port}{match['path'].replace(':', '/')}"


def document_url(did: Did) -> str:
    """Where the DID document lies: below `/.well-known` if the DID has no path."""
    root = root_of(did)
    return f"{root}/did.json" if root.count("/") > 2 else f"{root}/.well-known/did.json"


def document(did: Did, root: str, keys: Iterable[KeyRecord]) -> dict[str, object]:
    """Our DID document: every key that is not removed stands in its relation, pending and verify-only ones too."""
    listed = [key for key in keys if key.state != "removed"]
    methods = [key for key in listed if RELATIONS[key.purpose]]
    return {
        "@context": list(CONTEXT),
        "id": did,
        "verificationMethod": [_method(did, key) for key in methods],
        **{relation: _related(methods, relation) for relation in ("authentication", "capabilityInvocation")},
        "assertionMethod": _related(methods, "assertionMethod"),
        "service": [
            {"id": f"{did}#dsp", "type": "DataService", "serviceEndpoint": root + VERSION_PATH},
            {"id": f"{did}#catalog", "type": "CatalogService", "serviceEndpoint": f"{root}/2025-1/catalog"},
            {"id": f"{did}#evidence", "type": "EvidenceService", "serviceEndpoint": f"{root}/evidence"},
        ],
        "hanse:logKey": [dict(key.public_jwk) for key in listed if key.purpose in ("log", "log-pq")],
    }


def left(did: Did, heir: str, keys: Iterable[KeyRecord]) -> dict[str, object]:
    """The document of a participant that has moved: its seals verify, no token by it does, and nobody is served."""
    whole = document(did, "", keys)
    nothing: dict[str, object] = {"authentication": [], "capabilityInvocation": [], "service": []}
    return {**whole, **nothing, "alsoKnownAs": [heir]}


def _method(did: Did, key: KeyRecord) -> dict[str, object]:
    controller = key.controller or did
    return {"id": key.kid, "type": "JsonWebKey2020", "controller": controller, "publicKeyJwk": dict(key.public_jwk)}


def _related(keys: Iterable[KeyRecord], relation: str) -> list[str]:
    return [key.kid for key in keys if relation in RELATIONS[key.purpose]]


def _good(grammar: re.Pattern[str], text: str, separator: str) -> re.Match[str] | None:
    match = grammar.fullmatch(text) if len(text) <= LONGEST else None
    if match is None or not host_plain(match["host"]) or is_literal(match["host"]):
        return None
    if not port_allowed(int(match["port"] or 443)) or {".", ".."} & set(match["path"].split(separator)):
        return None
    return match
