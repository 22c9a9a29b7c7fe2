"""The version document below a participant's root, and what we read from a peer's (spec/protocol.md 2.5).

Plain JSON without a context, unversioned and open to everyone. `path` extends the root, not the host.
"""

import re

import msgspec
from msgspec import Struct

from connector.kernel.protocol.shape import Malformed

VERSION = "2025-1"
PATH = "/2025-1"
WELL_KNOWN = "/.well-known/dspace-version"
BINDING = "HTTPS"
_BELOW = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?")
"""A path that can only extend the root: no other host, no query, no empty segment."""


class Auth(Struct, frozen=True, omit_defaults=True):
    protocol: str
    version: str
    profile: list[str] | None = None


class ProtocolVersion(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One service below a root. A peer may leave out `binding`; its `path` may be empty: then it speaks at the root."""

    version: str
    path: str
    binding: str | None = None
    identifier_type: str | None = None
    service_id: str | None = None
    auth: Auth | None = None

    @property
    def usable(self) -> bool:
        """Whether it is our version, on HTTPS, at a path that stays below the root."""
        return self.version == VERSION and self.binding in (None, BINDING) and below(self.path)


class Versions(Struct, frozen=True, rename="camel"):
    protocol_versions: list[ProtocolVersion]


def document(service_id: str | None = None, auth: Auth | None = None) -> bytes:
    """Our version document: one service that speaks 2025-1."""
    entry = ProtocolVersion(
        version=VERSION, path=PATH, binding=BINDING, identifier_type="did:web", service_id=service_id, auth=auth
    )
    return msgspec.json.encode(Versions([entry]))


def below(path: str) -> bool:
    """Whether a path, appended to a root, leads nowhere but down."""
    names = {segment.partition(";")[0] for segment in path.split("/")}
    return _BELOW.fullmatch(path) is not None and not names & {".", ".."}


def entries(value: object) -> list[ProtocolVersion]:
    """What a peer's document offers, as far as it can be read: an odd entry for another version must not hide ours.

    `value` is strictly parsed JSON; raises Malformed if it is no version document.
    """
    listed = value.get("protocolVersions") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise Malformed("/protocolVersions", "missing" if listed is None else "json-type")
    return [entry for entry in map(_entry, listed) if entry is not None]


def read(value: object, service_id: str | None = None) -> str:
    """The path of a peer's 2025-1 service, that of `service_id` if given; without a trailing slash.

    Raises Malformed if the peer offers no such service.
    """
    for entry in entries(value):
        if entry.usable and (service_id is None or entry.service_id in (None, service_id)):
            return entry.path.rstrip("/")
    raise Malformed("/protocolVersions", "missing")


def _entry(item: object) -> ProtocolVersion | None:
    try:
        return msgspec.convert(item, ProtocolVersion)
    except msgspec.ValidationError:
        return None
