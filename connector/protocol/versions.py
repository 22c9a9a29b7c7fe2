"""The version document below a participant's root, and what we read from a peer's (dataspace-protocol 1.8).

Plain JSON without a context, unversioned and open to everyone. `path` extends the root, not the host.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from connector.protocol.shape import Malformed

VERSION = "2025-1"
PATH = "/2025-1"
WELL_KNOWN = "/.well-known/dspace-version"


class Auth(Struct, frozen=True, omit_defaults=True):
    protocol: str
    version: str
    profile: list[str] | None = None


class ProtocolVersion(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    version: str
    path: str
    binding: str
    identifier_type: str | None = None
    service_id: str | None = None
    auth: Auth | None = None


class Versions(Struct, frozen=True, rename="camel"):
    protocol_versions: list[ProtocolVersion]


def document(service_id: str | None = None, auth: Auth | None = None) -> bytes:
    """Our version document: one service that speaks 2025-1."""
    entry = ProtocolVersion(
        version=VERSION, path=PATH, binding="HTTPS", identifier_type="did:web", service_id=service_id, auth=auth
    )
    return msgspec.json.encode(Versions([entry]))


def read(value: object, service_id: str | None = None) -> str:
    """The path of a peer's 2025-1 service, that of `service_id` if given; without a trailing slash.

    `value` is strictly parsed JSON; raises Malformed if the peer offers no such service.
    """
    for entry in _entries(value):
        fits = service_id is None or entry.service_id in (None, service_id)
        if entry.version == VERSION and entry.binding == "HTTPS" and fits:
            return entry.path.rstrip("/")
    raise Malformed("/protocolVersions", "missing")


def _entries(value: object) -> Iterator[ProtocolVersion]:
    """The entries that can be read: an odd one for another version must not hide ours."""
    listed = value.get("protocolVersions") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise Malformed("/protocolVersions", "missing")
    for item in listed:
        try:
            yield msgspec.convert(item, ProtocolVersion)
        except msgspec.ValidationError:
            continue
