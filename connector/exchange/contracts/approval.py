"""Who approved of a contract: a rule, or people by role and pseudonym (spec/contracts.md 1.7).

A name is never taken, kept or sent: a person is `p-` and six hexadecimal digits, by a list kept apart.
What the other side's approval says is read as strictly, because it is kept and shown here.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from connector.foundation.canonical_json import encode as canonical
from connector.foundation.errors import Mistake, PeerError
from connector.foundation.http import strict
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import SYSTEM
from connector.verify.formats import jcs, people
from connector.verify.formats.people import PSEUDONYM, Person

AUTOMATIC = "automatic"
LIMIT = 4_096
ACTED_LIMIT = 24_576
"""Bytes of an approval that brings the mandate of who acted, with its seal and certificates."""
USUAL = 1_024
"""Bytes of one that is kept for a moment."""
_DID = re.compile(r"did:web:[A-Za-z0-9.%:_-]{1,300}")
_MEMBERS = frozenset({"at", "mandate", "onBehalfOf", "pseudonym", "role", "rule", "side"})
AGENT = "agent"
"""Member of an approval where somebody acts for the signer: the mandate as it was sealed (spec/mandates.md 2)."""

Short = Annotated[str, Meta(min_length=1, max_length=80)]


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's approval. `mandate` is the id of what entitles it, `on_behalf_of` a DID (None: the participant's)."""

    role: Short
    pseudonym: str
    mandate: Short | None = None
    on_behalf_of: str | None = None

    @property
    def checked(self) -> "Approval":
        """Itself; raises Mistake for a name in place of a pseudonym, or texts of more than one plain line."""
        if not PSEUDONYM.fullmatch(self.pseudonym):
            raise Mistake("contracts.pseudonym")
        if not (_line(self.role) and self.role != AUTOMATIC):
            raise Mistake("contracts.role")
        if self.mandate is not None and not _line(self.mandate):
            raise Mistake("contracts.mandate")
        if self.on_behalf_of is not None and not _DID.fullmatch(self.on_behalf_of):
            raise Mistake("contracts.on-behalf-of")
        return self

    def said_by(self, actor: str) -> "Approval":
        """As `checked`; raises Mistake too if a person acts (`Tx.actor`) and names another: the other could then be
        the second pair of eyes, though only one person looked (threat T93)."""
        if actor not in (SYSTEM, self.pseudonym):
            raise Mistake("contracts.pseudonym-other")
        return self.checked


class Joint(Approval, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What several people agreed to: `people` are all of them, whoever stands outside among them, sorted. Nobody says
    that from outside: it comes of votes (`jointly`)."""

    people: tuple[Person, ...] = ()


def jointly(by: Approval, at: str, others: Iterable[Person]) -> Approval:
    """That of `by`, who agreed at that time, together with all `others`, each once; just `by` where she is alone. Of
    whom nobody can say any more who she is (she was erased) is left out."""
    found = {one.pseudonym: one for one in others if PSEUDONYM.fullmatch(one.pseudonym)}
    found[by.pseudonym] = Person(at, by.pseudonym, by.role)
    if len(found) == 1:
        return by
    return Joint(
        role=by.role,
        pseudonym=by.pseudonym,
        mandate=by.mandate,
        on_behalf_of=by.on_behalf_of,
        people=tuple(sorted(found.values())),
    )


def kept(text: str | bytes) -> Approval:
    """The approval as a negotiation keeps it (JSON)."""
    if b'"people"' in (text.encode() if isinstance(text, str) else text):
        return msgspec.json.decode(text, type=Joint)
    return msgspec.json.decode(text, type=Approval)


def body(did: str, side: str, rule: str, at: str, by: Approval | None = None, agent: object = None) -> dict[str, Any]:
    """The object as it is signed. `did` is the signer, `at` the time as text; without `by` the offer `rule` decided.
    Nobody agreed later than `at`, whatever clocks say: who seals has seen it.

    `agent` is the sealed mandate of who acts for the signer; None: it acts itself.
    """
    return {
        **({} if agent is None else {AGENT: agent}),
        "at": at,
        "mandate": None if by is None else by.mandate,
        "onBehalfOf": (None if by is None else by.on_behalf_of) or did,
        **(_listed(by.people, at) if isinstance(by, Joint) and by.people else {}),
        "pseudonym": None if by is None else by.pseudonym,
        "role": AUTOMATIC if by is None else by.role,
        "rule": rule,
        "side": side,
    }


def _listed(agreed: Iterable[Person], at: str) -> dict[str, Any]:
    by_time = sorted(one._replace(at=min(one.at, at)) for one in agreed)
    return {people.MEMBER: [one._asdict() for one in by_time]}


def check(data: bytes, side: str) -> Mapping[str, Any]:
    """What the other side's approval says, which nobody changes: exactly our members, of that side, no name. Raises
    PeerError `contracts.approval`."""
    return _usual(data, side) if len(data) <= USUAL else _checked(data, side)


def _checked(data: bytes, side: str) -> Mapping[str, Any]:
    try:
        value = strict.loads(data, limit=ACTED_LIMIT)
    except PeerError as cause:
        raise PeerError("contracts.approval") from cause
    if not isinstance(value, dict) or value.keys() - {AGENT, people.MEMBER} != _MEMBERS or value["side"] != side:
        raise PeerError("contracts.approval")
    if AGENT not in value and len(data) > LIMIT:
        raise PeerError("contracts.approval")
    texts = [value[name] for name in ("at", "onBehalfOf", "role", "rule")]
    if not all(isinstance(text, str) and 0 < len(text) <= 400 and plain(text) == text for text in texts):
        raise PeerError("contracts.approval")
    person, mandate = value["pseudonym"], value["mandate"]
    automatic = value["role"] == AUTOMATIC
    named = isinstance(person, str) and PSEUDONYM.fullmatch(person) is not None
    if not (person is None if automatic else named and _line(value["role"])):
        raise PeerError("contracts.approval")
    if mandate is not None and not (isinstance(mandate, str) and _line(mandate)):
        raise PeerError("contracts.approval")
    if people.MEMBER in value and not _together(value):
        raise PeerError("contracts.approval")
    return value


def _together(value: Mapping[str, Any]) -> bool:
    """Whether its people stand there as we write them: by time, each once, whoever stands outside among them, and
    nobody later than the approval."""
    found = people.read(value[people.MEMBER])
    if found is None or not people.is_instant(value["at"]):
        return False
    once = len({one.pseudonym for one in found}) == len(found) and list(found) == sorted(found)
    outside = any((one.role, one.pseudonym) == (value["role"], value["pseudonym"]) for one in found)
    return once and outside and found[-1].at <= value["at"] and all(_line(one.role) for one in found)


_usual = lru_cache(maxsize=64)(_checked)  # one transaction asks for the same one three times


def as_ours(data: bytes, did: str, side: str, rule: str, at: str) -> bool:
    """Whether an approval that `check` took is, to the byte, one that we would have written for that person or rule.

    So it holds a role, a pseudonym and a mandate, and no word besides. What the mandate of an agent says is judged by
    itself.
    """
    value = check(data, side)
    by = None
    if value["role"] != AUTOMATIC:
        by = Joint(
            role=value["role"],
            pseudonym=value["pseudonym"],
            mandate=value["mandate"],
            on_behalf_of=value["onBehalfOf"],
            people=agreed(value),
        )
    ours = body(did, side, rule, at, by, value.get(AGENT))
    try:
        return _DID.fullmatch(value["onBehalfOf"]) is not None and (canonical(ours) or jcs.encode(ours)) == data
    except jcs.NotCanonical:
        return False


def agreed(value: Mapping[str, Any]) -> tuple[Person, ...]:
    """All who agreed, of an approval that `check` took; empty where one did, or a rule."""
    return people.read(value.get(people.MEMBER)) or ()


def agent_of(data: bytes, side: str) -> object:
    """The sealed mandate in an approval that `check` took; None if the signer acted itself."""
    return check(data, side).get(AGENT)


def _line(text: str) -> bool:
    return 0 < len(text) <= 80 and plain(text) == text
