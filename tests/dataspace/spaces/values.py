"""A space and a member of it as values."""

from msgspec.structs import replace

from connector.dataspace.spaces.model import DAY_MS, Keys, Member, Rules, Space

NOW = 1_795_000_000_000
SPACE = Space(
    participant="kreis",
    space="https://kreis.de/space",
    name="Kreis",
    authority="urn:x",
    kid="urn:x#k",
    jwk={},
    rules=Rules(),
    changes=3,
    listed=3,
    next_update=NOW + 7 * DAY_MS,
    created_at=NOW,
)


def member(did: str = "did:web:a.de", **more: object) -> Member:
    known = Member(
        participant="kreis",
        did=did,
        name="A",
        operator="RZ",
        kind="urn:kind",
        ars="05",
        admin_level="",
        keys=Keys(),
        succeeds=(),
        state="active",
        since=NOW - DAY_MS,
        until=None,
        suspended_since=None,
        reason="",
        application="",
        changed_at=NOW,
        version=1,
    )
    return replace(known, **more)
