"""Entries and signed lists of an authority, as the tests of trust lists need them."""

import msgspec
from hypothesis import strategies as st

from connector.foundation.clock import rfc3339
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.list_writer import next_list, to_form
from connector.identity.trust.members.trust_list import Entry, TrustList

HOUR = 3_600_000
KIND = "https://w3id.org/hanse/v1#municipality"


def entry(name: str, now: int, **more: object) -> Entry:
    known = Entry(
        did=f"did:web:{name}.de",
        name=name.title(),
        operator="Rechenzentrum",
        kind=KIND,
        groups=("https://example.org/region-nord",),
        state="active",
        valid_from=rfc3339(now),
    )
    return msgspec.structs.replace(known, **more)


def listed(authority: Authority, now: int, *entries: Entry, version: int = 1) -> TrustList:
    made = next_list(None, authority=authority.id, now=now, life_ms=HOUR, participants=entries)
    return msgspec.structs.replace(made, version=version)


KEY = SoftwareKey.generate("peer", "urn:x")
NOW = 1_795_000_000_000
LIST = to_form(
    next_list(None, authority="urn:x", now=NOW, life_ms=HOUR, participants=(entry("a", NOW),)),
)
DID = "did:web:a.de"
MOMENTS = (0, 1_700_000_000, 1_767_225_599, 1_767_225_600, 1_795_000_000, 4_000_000_000)
times: st.SearchStrategy[object] = st.sampled_from(
    [
        None,
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00+00:00",
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2030-06-01T12:00:00.5+02:00",
        "2026-01-01T00:00:00",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+10:00",
        "soon",
        "",
        7,
        True,
        [],
    ]
)
