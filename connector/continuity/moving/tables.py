"""What of the database moves, table by table: every table with rows of participants stands here, or a test fails.

What moves takes its participant's new short name. Numbers that a database gives out are given anew in their order;
nothing refers to them but `erasure`, which moves by the place in the log.
"""

from collections.abc import Callable, Mapping
from typing import Final

from connector.continuity.moving.frames import Values
from connector.data.sources.kinds import sealed_as
from connector.dataspace.spaces.joining.carried import code_context
from connector.exchange.transfer.addresses import place

MOVED: Final = (
    "agreement",
    "allowance",
    "approval",
    "approval_rule",
    "audit_entry",
    "audit_seal",
    "audit_timestamp",
    "cosignature",
    "counter",
    "dataset",
    "decision",
    "deed",
    "desk_seen",
    "ending",
    "erasure",
    "flow",
    "handover",
    "harvest_answer",
    "harvest_dataset",
    "harvest_original",
    "harvest_question",
    "harvest_run",
    "harvest_source",
    "harvest_waiting",
    "hold",
    "joined_space",
    "key",
    "log_epoch",
    "log_node",
    "negotiation",
    "notification",
    "notification_mail",
    "notification_read",
    "object",
    "object_use",
    "offer",
    "outbox",
    "own_group",
    "own_grouped",
    "partner_log",
    "peer",
    "person_pseudonym",
    "person_role",
    "publication_draft",
    "question",
    "reconciliation",
    "revision",
    "role_proposal",
    "series",
    "source",
    "succession",
    "timer",
    "transfer",
)

LEFT: Final[Mapping[str, str]] = {
    "access_token": "opens data at the old address alone",
    "api_token": "keys for programs are made anew where they are used",
    "catalogue": "counts changes of what is offered, which the database does by itself",
    "copy_entry": "copies of others' catalogues are fetched anew",
    "copy_member": "copies of others' catalogues are fetched anew",
    "crawl": "copies of others' catalogues are fetched anew",
    "crawl_aside": "copies of others' catalogues are fetched anew",
    "data_link": "an address at the old place",
    "departure": "the move itself",
    "invitation": "a link to the old place",
    "mandate": "an agent acts at the old place; at the new one the participant acts itself, or gives another mandate",
    "public_catalogue": "made anew under the new address",
    "public_document": "made anew under the new address",
    "public_entry": "made anew under the new address",
    "public_snapshot": "made anew under the new address",
    "rule_proposal": "who wants another rule proposes it where it is to hold",
    "seen_token": "tokens for the old identifier count nowhere else",
    "space": "an authority does not move: its members compared its key and know its address",
    "space_application": "as `space`",
    "space_evidence": "as `space`",
    "space_group": "as `space`",
    "space_grouped": "as `space`",
    "space_invitation": "as `space`",
    "space_member": "as `space`",
    "space_recognised": "as `space`",
    "space_recovery": "as `space`",
    "space_request": "as `space`",
    "space_try": "as `space`",
    "space_version": "as `space`",
    "transcript": "what went over the wire at the old place, kept for days",
    "usage": "what the old place has sent in the last hours",
}

ONLY: Final[Mapping[str, str]] = {"outbox": "done_at IS NULL", "timer": "done_at IS NULL"}
"""Of these what is not done yet; SQL."""
NUMBERED: Final = frozenset({"audit_entry", "outbox", "timer"})
"""Their `id` is given by the database."""
OF_DATABASE: Final = frozenset({("audit_entry", "tx")})
"""Columns that mean something in one database alone."""
PEOPLE: Final = frozenset({"desk_seen", "person_pseudonym", "person_role", "role_proposal"})
"""Their `person` is somebody who signs in here; she gets another id there (`people.py`)."""
FIRST: Final = ("audit_entry",)
"""Before what refers to them without saying so in the schema."""

SEALED: Final[Mapping[tuple[str, str], Callable[[str, Values], str | None]]] = {
    ("outbox", "body"): lambda slug, row: f"outbox|{slug}" if row["sealed"] else None,
    ("flow", "address"): lambda slug, row: None if row["address"] is None else place(slug, str(row["id"])),
    ("source", "secrets"): lambda slug, row: None if row.get("secrets") is None else sealed_as(slug, str(row["id"])),
    ("joined_space", "code"): lambda slug, row: None if row["code"] is None else code_context(slug, str(row["space"])),
}
"""Secrets at rest, and what each is bound to; None: this one is none. They are wrapped for the new place's vault."""
PACKED: Final[Mapping[tuple[str, str], int]] = {
    ("harvest_dataset", "triples"): 64 << 20,
    ("harvest_original", "content"): 4 << 20,
    ("harvest_waiting", "content"): 192 << 20,
}
"""Columns that are compressed (zlib), with the most bytes that come out of each: whoever opens them sets no bound."""
ANEW: Final[Mapping[str, Values]] = {
    "key": {"secret": b"", "state": "removed"},
    "outbox": {"lease_owner": "", "lease_until": 0, "fence": 0},
}
"""What a row says there whatever it said here. No private key moves: whoever signs there has a key of its own."""
