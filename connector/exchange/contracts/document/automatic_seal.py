"""What a consumer seals without asking anybody: what it would have written itself, byte for byte (threat T65).

Pure: what we know ourselves, what the provider sealed, and the engine go in; what is not ours comes out, object by
object. No part is looked at for whether it does harm: a part that is not ours is for a person to read (decision 0045).
"""

import html
import mimetypes
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from cryptography import x509
from msgspec import structs

from connector.data.catalogue.model import Countersignature
from connector.exchange.contracts import approval as approvals
from connector.exchange.contracts.document import agent, draft, render, sealing
from connector.exchange.contracts.document.described_data import ENDING, SETTINGS, Described, of_snapshot
from connector.exchange.contracts.document.render import Deadline, Facts, NamesFor, party
from connector.exchange.contracts.document.text import Party
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.foundation.errors import HanseError, PeerError
from connector.foundation.language.reasons import plain
from connector.identity.participants.service import Hosted
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.names import member
from connector.kernel.protocol.messages import HANSE
from connector.verify.formats import chain, jades, jcs
from connector.verify.formats.faults import Fault

AGREEMENT = "agreement.json"
FILES = (AGREEMENT, draft.TEXT, draft.PROFILE, draft.DATASET, render.PROVIDER)
"""What the provider's seal is over, in the order in which differences are told."""
_CODES = {
    AGREEMENT: "contracts.unsaid",
    draft.TEXT: "contracts.other-text",
    draft.PROFILE: "contracts.other-profile",
    draft.DATASET: "contracts.other-description",
    render.PROVIDER: "contracts.other-approval",
}
_PINNED = ("bytes", "description")
"""What the version in a snapshot may be the hash of."""
_ID = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME = re.compile(r"[^\s<>\"{}|\\^`]{1,400}")
"""An identifier or the name of a class; words of a sentence have spaces between them."""
_BLANK = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")
"""Letters and signs that look like a space."""
_NAMING = frozenset({"@id", "uid", "@type", "profile"})
_SAID = frozenset(
    {
        "permission",
        "prohibition",
        "obligation",
        "action",
        "target",
        "assigner",
        "assignee",
        "timestamp",
        "constraint",
        "duty",
        "leftOperand",
        "operator",
        "rightOperand",
        "and",
        "or",
        "xone",
        "andSequence",
        "@value",
    }
)
"""Members as they are mostly written that are no remark and name nothing: what they hold is looked at by itself."""
_FAILS = (HanseError, ValueError, OverflowError)
_ENDINGS = {"application/geo+json": ".geojson", "application/octet-stream": ".bin"}


class Unsigned(PeerError):
    """What lies before us is not what we asked for; `code` is the catalogue key of the reason."""


class Known(NamedTuple):
    """What the consumer knows of a contract by itself: what it asked for, and the parties by the trust list.

    `described` is what the catalogue showed when it asked; None where nobody looked.
    """

    agreement: Agreement
    case: NegotiationRow
    described: Described | None
    provider: Party
    consumer: Party
    agent: object = None
    """The sealed mandate of who acts for us."""
    acts: object = None
    """That of who acts for the provider, as its approval carries it; whether it holds is judged elsewhere."""


PARTS = frozenset({"steward", "protection"})
"""Roles in which a person of the provider may have agreed."""


class Objection(NamedTuple):
    """One signed object that is not what we would have written; `code` is a key of the message catalogues."""

    name: str
    code: str


class Own:
    """What we would have written, as far as we know it; each part is written once, when it is asked for."""

    def __init__(self, known: Known, engine: PolicyEngine, form: int = render.FORM) -> None:
        self.known, self.engine, self.form = known, engine, form
        self._profiles: dict[tuple[Deadline, str | None], bytes | None] = {}
        self._snapshots: dict[str, bytes | None] = {}

    @cached_property
    def agreement(self) -> bytes | None:
        return _attempt(self._agreement)

    @property
    def text(self) -> bytes | None:
        return self._described.get(draft.TEXT)

    @property
    def approval(self) -> bytes | None:
        return self._described.get(render.PROVIDER)

    @cached_property
    def _described(self) -> Mapping[str, bytes]:
        described = self.known.described
        if described is None:
            return {}
        try:
            written = render.described(self.known.agreement, _facts(self.known, described), self.engine, self.form)
        except _FAILS:
            return {}
        return {name: one.body for name, one in written.items()}

    def _agreement(self) -> bytes:
        agreement, case = self.known.agreement, self.known.case
        at = self.engine.signed_at(agreement.policy)
        did = self.known.consumer.did
        return sealing.canonical(
            draft.agreement_document(case.policy, agreement.id, case.dataset, case.counterparty, did, at)
        )

    def snapshot(self, ending: str) -> bytes | None:
        """With that ending of the file's name."""
        known, described = self.known, self.known.described
        if described is None:
            return None
        if ending not in self._snapshots:
            named = structs.replace(described, ending=ending)
            self._snapshots[ending] = _attempt(
                lambda: draft.snapshot(known.agreement.dataset, named, known.provider.did).body
            )
        return self._snapshots[ending]

    def profile(self, deadline: Deadline, *, replaces: bool = True) -> bytes | None:
        """One that does not name what the contract `replaces` is by a provider that knows nothing of that: it is ours
        too, since our own old agreement ends all the same."""
        agreement = self.known.agreement if replaces else structs.replace(self.known.agreement, replaces=None)
        key = deadline, agreement.replaces
        if key not in self._profiles:
            self._profiles[key] = _attempt(lambda: render.profile(agreement, self.engine, deadline, self.form).body)
        return self._profiles[key]

    def predicted(self, patience_ms: int) -> Iterator[bytes]:
        """What the provider probably wrote; partners of one release give a countersignature the same time."""
        yield from (body for body in (self.text, self.approval) if body is not None)
        if (described := self.known.described) is None:
            return
        yield from _made(self.snapshot(ending) for ending in _usual_endings(described.media_type))
        until = self.engine.signed_at(self.known.agreement.policy) + patience_ms
        mildest_last = reversed(_no_stricter(described))
        yield from _made(self.profile(Deadline(setting, until // 1000 * 1000)) for setting in mildest_last)

    def beside(self, theirs: Mapping[str, bytes]) -> dict[str, bytes | None]:
        """Ours of each object, with what only the provider knows of theirs: setting and deadline of the
        countersignature, and the ending of the file's name. None where we know none.
        """
        profile, snapshot = (_members(theirs[name]) for name in (draft.PROFILE, draft.DATASET))
        return {
            AGREEMENT: self.agreement,
            draft.TEXT: self.text,
            draft.PROFILE: self.profile(_deadline(profile, self.known.described), replaces="replaces" in profile),
            draft.DATASET: self.snapshot(_ending(snapshot)),
            render.PROVIDER: self._person(theirs[render.PROVIDER]) or self.approval,
        }

    def _person(self, theirs: bytes) -> bytes | None:
        """Theirs, where it says who of the provider agreed, and no word besides: nobody need read it."""
        provider, at = self.known.provider.did, str(self.known.agreement.policy["timestamp"])
        try:
            value = approvals.check(theirs, "provider")
        except PeerError:
            return None
        roles = {value.get("role"), *(one.role for one in approvals.agreed(value))}
        plain_person = roles <= PARTS and value.get("mandate") is None
        plain_person = plain_person and value.get("onBehalfOf") == provider
        ours = plain_person and approvals.as_ours(theirs, provider, "provider", self.known.case.offer, at)
        return theirs if ours else None


def known(
    hosted: Hosted, case: NegotiationRow, agreement: Agreement, described: Described | None, name_of: NamesFor
) -> Known:
    me = hosted.participant

    def called(did: str) -> str:
        return name_of(did, me.did)

    ours = None if hosted.acting is None else hosted.acting.carried
    return Known(agreement, case, described, party(called, case.counterparty), party(called, me.did, me.name), ours)


def with_agent(known: Known, approval: bytes) -> Known:
    """With who acts for the provider, as its approval says."""
    return known._replace(acts=agent.carried(approval, "provider"))


def digest(theirs: Mapping[str, bytes]) -> str:
    """SHA-256 (hex) over all of `FILES`: what a person names who has read them."""
    return sealing.digest(sealing.canonical({name: sealing.digest(theirs[name]) for name in FILES}))


def objections(own: Own, theirs: Mapping[str, bytes]) -> list[Objection]:
    """What of `theirs` (the bytes of `FILES`) is not ours; empty: it may be sealed.

    What says in which form it was written, and what cannot be said at all, comes first.
    """
    known, engine, found = own.known, own.engine, []
    if not _worded(known.agreement.document, engine):
        found.append(Objection(AGREEMENT, "contracts.not-understood"))
    if form_of(theirs) is None:
        found.append(Objection(draft.PROFILE, "contracts.other-form"))
    case = known.case
    plain = _ID.fullmatch(known.agreement.id) and all(map(named, (case.dataset, case.offer, case.purpose)))
    if not plain or unsaid(known.agreement.policy):
        found.append(Objection(AGREEMENT, _CODES[AGREEMENT]))
    if known.described is None:
        found.append(Objection(draft.DATASET, "contracts.undescribed"))
    ours = compared(own, theirs)
    told = {one.name for one in found if one.code == "contracts.undescribed"}
    others = [Objection(name, _CODES[name]) for name in FILES if ours[name] != theirs[name] and name not in told]
    return list(dict.fromkeys(found + others))


def form_of(theirs: Mapping[str, bytes]) -> int | None:
    """In which form the profile says that it was written; None for one that this release does not write."""
    form = _members(theirs[draft.PROFILE]).get("textForm")
    return form if render.known(form) else None


def compared(own: Own, theirs: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """Ours of each document, in the form of theirs, for a person to lay beside theirs.

    Where nobody has seen a description the text is compared as it would follow from theirs.
    """
    form = form_of(theirs) or own.form
    if own.known.described is not None:
        return (own if form == own.form else Own(own.known, own.engine, form)).beside(theirs)
    read = of_snapshot(_members(theirs[draft.DATASET]))
    return {**Own(own.known._replace(described=read), own.engine, form).beside(theirs), draft.DATASET: None}


def named(text: str | None) -> bool:
    """Whether it is an identifier, which may stand in a contract that nobody reads; a sentence may not."""
    if text is None or text.isascii():
        return text is None or _NAME.fullmatch(text) is not None
    return _NAME.fullmatch(text) is not None and plain(text) == text and _BLANK.search(text) is None


def unsaid(policy: Mapping[str, Any]) -> bool:
    """Whether a policy may hold words that none of our sentences says: a remark, or an identifier that is none."""
    level: list[object] = [policy]
    while level:
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                for name, inner in value.items():
                    if name not in _SAID and _remark(name, inner):
                        return True
                    below.append(inner)
            elif isinstance(value, list):
                below += value
        level = below
    return False


def subject(agreement: Agreement, theirs: Mapping[str, bytes]) -> None:
    """Unsigned for what nobody need read: documents that are none, or about other parties, data or versions."""
    version = _pinned(agreement, theirs[draft.DATASET])
    plain = html.unescape(_definite(theirs[draft.TEXT]))
    if not all(part in plain for part in (agreement.id, agreement.counterparty, agreement.dataset, version)):
        raise Unsigned("contracts.other-facts")
    try:
        profile: Any = draft.value_of(theirs[draft.PROFILE])
        [(item["de"], item["badge"]) for item in profile["badges"]]
    except (PeerError, KeyError, TypeError) as cause:
        raise Unsigned("contracts.profile") from cause
    if profile.get("replaces") not in (None, agreement.replaces):
        raise Unsigned("endings.other-replaced")
    for name in (draft.PROFILE, draft.DATASET):  # numbers that not every program can hold: no bundle with them holds
        try:
            jcs.alike(theirs[name])
        except jcs.NotCanonical as cause:
            raise Unsigned("contracts.numbers", name=name) from cause


def _definite(text: bytes) -> str:
    """The characters of a text that every reader reads alike; Unsigned for another, since no bundle with it holds."""
    try:
        found = text.decode()
    except UnicodeDecodeError as cause:
        raise Unsigned("contracts.text-characters") from cause
    if "\0" in found or found.startswith("\ufeff"):
        raise Unsigned("contracts.text-characters")
    return found


def wordless(seal: jades.Seal, roots: Sequence[x509.Certificate]) -> None:
    """Fault `seal-form` if a seal brings words that nobody is shown, and that whoever signs over it would sign too:
    members that ours has not, a key whose name is a sentence, certificates that no authority issued."""
    if seal.further:
        raise Fault("seal-form", what=min(seal.further))
    if not named(seal.kid):
        raise Fault("seal-form", what="kid")
    if not chain.is_plain(seal.chain, roots):
        raise Fault("seal-form", what="x5c")


def _pinned(agreement: Agreement, snapshot: bytes) -> str:
    """The version that the snapshot of the agreed dataset pins; Unsigned if it is no such snapshot."""
    try:
        body: Any = draft.value_of(snapshot)
        dataset, version, kind = (body[name] for name in ("@id", f"{HANSE}version", f"{HANSE}versionOf"))
    except (PeerError, KeyError, TypeError) as cause:
        raise Unsigned("contracts.snapshot") from cause
    if dataset != agreement.dataset or kind not in _PINNED or not isinstance(version, str) or not version:
        raise Unsigned("contracts.snapshot")
    return version


def _facts(known: Known, described: Described) -> Facts:
    return Facts(
        described=described,
        provider=known.provider,
        consumer=known.consumer,
        offer=known.case.offer,
        purpose=known.case.purpose,
        agent=known.acts,
    )


def _worded(document: bytes, engine: PolicyEngine) -> bool:
    try:
        return bool(engine.clauses(document, "de"))
    except ValueError:  # what a plug-in understood that has gone since
        return False


def _remark(name: str, value: object) -> bool:
    """A member of the policy that only documents it, or one that names something and is not a name."""
    short = member(name)
    if name.startswith(("dct:", "rdfs:", "http://purl.org/dc/", "http://www.w3.org/2000/01/rdf-schema")):
        return True
    if name not in _NAMING and short not in _NAMING:
        return False
    values = value if isinstance(value, list) else [value]
    return not all(isinstance(one, str) and named(one) for one in values if not isinstance(one, dict))


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        value = draft.value_of(body)
    except PeerError:
        return {}
    return value if isinstance(value, dict) else {}


def _deadline(profile: Mapping[str, Any], described: Described | None) -> Deadline:
    """As their profile says it, if ours could say the same; a setting stricter than the catalogue told is not ours."""
    allowed = _no_stricter(described)
    said, until = profile.get("countersignature"), profile.get("countersignBy")
    setting = next((one for one in allowed if one == said), allowed[0])
    try:
        return Deadline(setting, int(datetime.fromisoformat(str(until)).timestamp() * 1000))
    except (ValueError, OverflowError):
        return Deadline(setting, 0)


def _no_stricter(described: Described | None) -> tuple[Countersignature, ...]:
    strictest = "required" if described is None else described.countersignature
    return SETTINGS[: SETTINGS.index(strictest) + 1]


def _ending(snapshot: Mapping[str, Any]) -> str:
    name = str(snapshot.get(f"{HANSE}fileName", ""))
    found = "." + name.rpartition(".")[2]
    return found if "." in name and ENDING.fullmatch(found) else ""


def _usual_endings(media_type: str) -> tuple[str, ...]:
    found = _ENDINGS.get(media_type) or mimetypes.guess_extension(media_type, strict=False)
    return ("",) if found is None else (found, "")


def _made(bodies: Iterator[bytes | None]) -> Iterator[bytes]:
    return (body for body in bodies if body is not None)


def _attempt(write: Callable[[], bytes]) -> bytes | None:
    """What cannot be written is not ours, whatever a peer has made us stumble over."""
    try:
        return write()
    except _FAILS:
        return None
