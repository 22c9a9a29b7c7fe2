"""Where outside of log and signed objects a pseudonym may stand, and what becomes of it there when it must go.

Proof of an agreement stays exactly as long as the agreement's record does; a copy that proves nothing goes at once. A
column that nobody decided on is told of and left alone: nothing is reported as erased unless it is. Pure decisions.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from connector.continuity.privacy import pseudonyms
from connector.continuity.privacy.column_scan import AgreementOfRow
from connector.continuity.privacy.retention import RetentionReason
from connector.foundation.canonical_json import deep


class Way(NamedTuple):
    """How a column is freed of a pseudonym: emptied, the pseudonym alone blanked, or the row deleted.

    `proof`: not before nothing of its agreement can be proven any more.
    """

    how: Literal["empty", "blank", "drop"]
    proof: bool = False


WAYS: Mapping[tuple[str, str], Way] = {
    ("negotiation", "approval"): Way("empty", proof=True),
    ("negotiation", "reason"): Way("blank"),
    ("transfer", "reason"): Way("blank"),
    ("outbox", "body"): Way("blank"),
    ("question", "facts"): Way("blank"),
    ("question", "answer"): Way("blank"),
    ("transcript", "pid"): Way("blank"),
    ("transcript", "kind"): Way("blank"),
    ("transcript", "message_id"): Way("blank"),
    ("transcript", "code"): Way("blank"),
    ("transcript", "detail"): Way("blank"),
    ("transcript", "reason"): Way("blank"),
    ("transcript", "body"): Way("blank"),
    ("decision", "record"): Way("drop"),
    ("decision", "world"): Way("drop"),
    ("deed", "actor"): Way("blank", proof=True),
    ("deed", "facts"): Way("blank", proof=True),
    ("ending", "statement"): Way("blank", proof=True),
    ("participant", "closing_reason"): Way("blank"),
    ("person_pseudonym", "pseudonym"): Way("drop"),
    ("person_pseudonym", "named_by"): Way("blank"),
    ("publication_draft", "author"): Way("blank"),
    ("data_link", "made_by"): Way("blank"),
    ("source", "made_by"): Way("blank"),
    ("harvest_dataset", "brought_by"): Way("blank"),
    ("approval", "votes"): Way("blank"),
    ("approval", "drafter"): Way("blank"),
    ("approval", "ended_by"): Way("blank"),
    ("approval", "reason"): Way("blank"),
    ("approval_rule", "responsible"): Way("blank"),
    ("approval_rule", "deputy"): Way("blank"),
    ("approval_rule", "changed_by"): Way("blank"),
    ("rule_proposal", "proposed_by"): Way("drop"),
    ("rule_proposal", "responsible"): Way("blank"),
    ("rule_proposal", "deputy"): Way("blank"),
    ("rule_proposal", "admin"): Way("blank"),
    ("rule_proposal", "officer"): Way("blank"),
    ("space_application", "votes"): Way("blank"),
    ("space_application", "checks"): Way("blank"),
    ("space_application", "decided_by"): Way("blank"),
    ("space_invitation", "made_by"): Way("blank"),
    ("space_member", "merger"): Way("blank"),
    ("space_member", "keys"): Way("blank"),
    ("space_grouped", "asked_by"): Way("blank"),
    ("notification", "audience"): Way("blank"),
    ("notification_read", "who"): Way("drop"),
    ("notification_mail", "who"): Way("drop"),
}
PUBLISHED = frozenset(
    {
        "dataset",
        "offer",
        "source",
        "revision",
        "series",
        "harvest_answer",
        "harvest_dataset",
        "harvest_question",
        "harvest_waiting",
        "public_document",
        "public_entry",
        "public_snapshot",
        "publication_draft",
    }
)
"""What the participant offers is for it to change; nothing of it is rewritten behind its back."""


class Kept(NamedTuple):
    """What stands in the way of a row: `hold`, or what keeps its agreement (None: nothing does, or there is none)."""

    hold: bool
    keeps: RetentionReason | None


def held(about: AgreementOfRow, holds: frozenset[str | None], keeps: RetentionReason | None) -> Kept:
    """`holds` are the agreements under a hold, None among them: everything. What cannot be placed is under any hold."""
    return Kept(None in holds or about.agreement in holds or (not about.known and bool(holds)), keeps)


def stays(table: str, column: str, about: AgreementOfRow, standing: Kept) -> RetentionReason | None:
    """None: that column of that row may be freed of the pseudonym now."""
    way = WAYS.get((table, column))
    if standing.hold:
        return RetentionReason("hold")
    if way is None:
        return standing.keeps or RetentionReason("published" if table in PUBLISHED else "elsewhere")
    if way.proof and about.agreement is not None:
        return standing.keeps
    goes_on = about.open and (way.proof or table == "outbox")
    return RetentionReason("open") if goes_on else None


def text_of(value: object) -> str | None:
    """What a column says; None if it is no text, for what is sealed says nothing to us."""
    if isinstance(value, str):
        return value
    try:
        return bytes(value).decode() if isinstance(value, bytes | bytearray | memoryview) else None
    except UnicodeDecodeError:
        return None


def shown(text: str) -> object:
    """The same for a copy of the data: JSON as JSON."""
    if not text.startswith(("{", "[")):
        return text
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return text if deep(value) else value


def freed(way: Way, value: object, pseudonym: str) -> object:
    """The value that takes the place of this one, of a column that is not deleted with its row."""
    text = text_of(value)
    if way.how == "empty" or text is None:
        return None
    fresh = pseudonyms.blanked(text, pseudonym)
    return fresh if isinstance(value, str) else fresh.encode()
