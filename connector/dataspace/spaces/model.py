"""A space, its rules, whom its authority invited, who applied and who belongs: values only (spec/spaces.md).

Times are milliseconds. People are the pseudonyms of the authority's log; what an applicant says of itself is evidence,
and what the list says of a member is the authority's word alone.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from connector.data.approvals.model import Ballot, Vote
from connector.dataspace.spaces.seal_model import AskedSeal, OwnSeal, Strike
from connector.identity.trust.keys.jwk import decode
from connector.identity.trust.members.trust_list import Entry, Sealing, SecondKey, Sha256

DAY_MS: Final = 86_400_000
SKEW_MS: Final = 60_000
"""A new member belongs since a minute ago: others' clocks may be a little behind."""
INVITED_MS: Final = 14 * DAY_MS
"""How long an invitation may be used."""
TRIES: Final = 5
TRIES_MS: Final = 3_600_000
"""Wrong codes an hour, by the DID that tries them: hundreds share a host."""
MOST_TRIES: Final = 100
"""Wrong codes an hour of all together that are kept and logged; a right one is taken all the same."""
REQUESTS: Final = 12
"""Requests of one member within `TRIES_MS`: each is a version of the list for everybody."""
WITHDRAWALS: Final = 2 * REQUESTS
"""The same of words about mergers where one is taken back: who has said too much is still heard taking it back."""
APPLICATION_MS: Final = 30 * DAY_MS
"""How long people have to decide on an application."""
MOST_OPEN: Final = 500
"""Open invitations, and open applications, of one space."""

MemberState = Literal["active", "suspended", "expelled", "left", "ended"]
ApplicationState = Literal["pending", "approved", "refused", "withdrawn", "expired"]
InvitationState = Literal["open", "used", "withdrawn"]
GroupedState = Literal["asked", "member", "ended"]
JoinState = Literal["applying", "pending", "member", "refused", "left", "ended"]
OVER: Final[frozenset[MemberState]] = frozenset({"expelled", "left", "ended"})

MOST_GROUPS: Final = 100
"""Groups of one space, ended ones too."""
MOST_OF_MEMBER: Final = 50
"""Groups that one member is in, or is asked to be in."""
MOST_IN_GROUP: Final = 1_000
MOST_GROUPED: Final = 8_000
"""Times that anybody is in a group of one space, or is asked to be: a list of more could not be read."""
MOST_ENDED: Final = 8_000
"""Periods that are over which a list names, those that ended last."""
BARE_BYTES: Final = 16_384
"""Bytes of a request without keys: every request is kept."""
MOST_PERIODS: Final = 128
"""Periods in groups that the list names of one member, those that ended last."""
GROUP_REQUESTS: Final = 120
"""Requests about groups of one member within `TRIES_MS`."""
MOST_KEYS: Final = 16
"""Keys of one witness."""

Line = Annotated[str, Meta(max_length=200)]
Word = Annotated[str, Meta(max_length=500)]
Digest = Sha256


class Rules(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Who may become a member, and how. `kinds` are concept IRIs (none: any); `documents` what an application brings.

    `approvals` people have to agree, each once; `term_days` is how long a membership lasts (0: without end), renewed by
    itself `renew_days` before unless `renewal` is by people; a list lasts `list_days`. `text` is for people to read.
    """

    kinds: Annotated[tuple[Annotated[str, Meta(max_length=300)], ...], Meta(max_length=50)] = ()
    documents: Annotated[tuple[Line, ...], Meta(max_length=20)] = ()
    checklist: Annotated[tuple[Line, ...], Meta(max_length=20)] = ()
    approvals: Annotated[int, Meta(ge=1, le=3)] = 2
    term_days: Annotated[int, Meta(ge=0, le=3_660)] = 365
    renew_days: Annotated[int, Meta(ge=1, le=365)] = 60
    renewal: Literal["automatic", "people"] = "automatic"
    list_days: Annotated[int, Meta(ge=1, le=366)] = 7
    text: Annotated[str, Meta(max_length=4_000)] = ""


class Space(Struct, frozen=True, kw_only=True):
    """One row of `space`. `space` is its IRI, `authority` the URN of its key, `jwk` the public half.

    `changes` counts what the list has to say anew; the newest version says the first `listed` of it.
    """

    participant: str
    space: str
    name: str
    authority: str
    kid: str
    jwk: Mapping[str, str]
    rules: Rules
    changes: int
    listed: int
    next_update: int
    created_at: int
    version: int = 1


class WitnessKeys(Struct, frozen=True, kw_only=True, rename="camel"):
    """The door and the keys of a member's process as a witness for the logs of others (spec/records.md 3.1)."""

    url: Annotated[str, Meta(max_length=500)]
    keys: Annotated[tuple[dict[str, str], ...], Meta(max_length=MOST_KEYS)]


class GivenMandate(Struct, frozen=True, kw_only=True, rename="camel"):
    """A mandate that a member gave (spec/mandates.md 5.2): `withdrawal` is the SHA-256 (hex) of the code that ends it,
    `own` are thumbprints of the keys that the agent does not hold."""

    agent: Annotated[str, Meta(max_length=512)]
    withdrawal: Sha256
    own: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=16)] = ()
    over: bool = False
    """Its code was told: it ends nothing a second time."""


MOST_MANDATES: Final = 64
"""Mandates of one member that an authority remembers; a member that has more has to be invited anew."""


class Keys(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the list says of a member's keys: those parts of `Entry` that it knows itself (spec/trust.md 4.1)."""

    seal_certificates: Annotated[tuple[Sha256 | Sealing, ...], Meta(max_length=64)] = ()
    log_keys: Annotated[tuple[dict[str, str], ...], Meta(max_length=64)] = ()
    seal_key_pq: dict[str, str] | None = None
    former_seal_keys_pq: Annotated[tuple[SecondKey, ...], Meta(max_length=64)] = ()
    keys: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=64)] = ()
    witness: WitnessKeys | None = None
    mandates: Annotated[tuple[GivenMandate, ...], Meta(max_length=MOST_MANDATES)] = ()
    """Mandates that the authority may have to end; the list says nothing of them."""
    struck: tuple[str, ...] = ()
    """Thumbprints that are the member's no more, by the authority's word alone."""
    asked: tuple[AskedSeal, ...] = ()
    """By the authority's word alone, as `strikes` is; of who only says it: what certificates say that came along."""
    strikes: tuple[Strike, ...] = ()
    proven: tuple[str, ...] = ()
    """Thumbprints of keys of its witness that it has shown to hold, by the authority's word alone."""

    @classmethod
    def of(cls, entry: Entry, witness: WitnessKeys | None = None, mandates: tuple[GivenMandate, ...] = ()) -> "Keys":
        """Those of an entry, of the process as a witness, and who acts for the participant."""
        names = (name for name in cls.__struct_fields__ if hasattr(entry, name))
        return cls(**{name: getattr(entry, name) for name in names}, witness=witness, mandates=mandates)


class Invitation(Struct, frozen=True, kw_only=True):
    """One row of `space_invitation`: for whom it is. `domain` empty: any; `code_hash` is the SHA-256 of the code."""

    participant: str
    id: str
    code_hash: str
    name: str
    ars: str
    kind: str
    domain: str
    state: InvitationState
    made_by: str
    made_at: int
    until: int
    application: str | None = None


class Attachment(Struct, frozen=True, kw_only=True, rename="camel"):
    """A document that came with an application, kept by its SHA-256 (hex)."""

    name: Line
    media_type: Line
    sha256: Sha256
    size: int


class Check(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One point of the checklist: found out by us (`by` empty) or noted by a person; `note` says how she knows."""

    name: Line
    good: bool
    note: Word = ""
    by: str = ""
    at: int = 0


class Application(Struct, frozen=True, kw_only=True):
    """One row of `space_application`. `document` is the JWS as it came, `invitation` the one that was used."""

    participant: str
    id: str
    did: str
    invitation: str
    name: str
    operator: str
    kind: str
    ars: str
    document: str
    keys: Keys
    checks: tuple[Check, ...]
    attachments: tuple[Attachment, ...]
    ballot: Ballot
    reason: str = ""
    decided_by: str = ""
    asked_at: int
    decided_at: int | None = None
    version: int = 1

    @property
    def state(self) -> ApplicationState:
        """The state of the ballot; nobody makes a counter-offer to an applicant."""
        found: ApplicationState = "refused"
        match self.ballot.state:
            case "open":
                found = "pending"
            case "approved":
                found = "approved"
            case "withdrawn":
                found = "withdrawn"
            case "expired":
                found = "expired"
        return found

    @property
    def agent(self) -> str:
        """Who acts for the applicant by a mandate that it sealed (a DID); empty: nobody."""
        return self.keys.mandates[-1].agent if self.keys.mandates else ""

    @property
    def votes(self) -> tuple[Vote, ...]:
        """The votes of people who have approved so far."""
        return self.ballot.votes


class Merger(Struct, frozen=True, kw_only=True):
    """A member's statement that it is part of another one (`into`, a DID) by law since a day (ms).

    `agreed`: that one has said so, too; `listed`: since when the list says it, None while people have not decided;
    `lapsed`: one of both moved before they did, so it has to be said anew.
    """

    into: str
    since: int
    ballot: Ballot
    asked_at: int
    agreed: bool = False
    listed: int | None = None
    reason: str = ""
    lapsed: bool = False


class Member(Struct, frozen=True, kw_only=True):
    """One row of `space_member`. `until` is the end of the membership, not included; None: without end.

    `succeeds` is as in the list: whose legal successor it is; `merger` whom it is part of, or wants to be.
    """

    participant: str
    did: str
    name: str
    operator: str
    kind: str
    ars: str
    admin_level: str
    keys: Keys
    succeeds: tuple[tuple[str, str], ...]
    state: MemberState
    since: int
    until: int | None
    suspended_since: int | None
    reason: str
    application: str
    changed_at: int
    version: int = 1
    merger: Merger | None = None


class Group(Struct, frozen=True, kw_only=True):
    """One row of `space_group`. `name` ends its IRI, `label` is by language, `keeper` the DID of who fills it."""

    participant: str
    name: str
    label: Mapping[str, str]
    keeper: str
    made_at: int
    ended_at: int | None = None
    version: int = 0


class GroupMembership(Struct, frozen=True, kw_only=True):
    """One row of `space_grouped`: who was asked to be in a group (`since` None), is in it, or was (`until`)."""

    participant: str
    name: str
    did: str
    number: int
    asked_at: int
    asked_by: str
    since: int | None = None
    until: int | None = None

    @property
    def state(self) -> GroupedState:
        if self.until is not None:
            return "ended"
        return "asked" if self.since is None else "member"


class RecognisedAuthority(Struct, frozen=True, kw_only=True):
    """Another authority whose members count as members here, of these `kinds` (none: of all)."""

    participant: str
    authority: str
    space: str
    name: str
    did: str
    jwk: Mapping[str, str]
    list_url: str
    kinds: tuple[str, ...]
    since: int


class AskedFor(Struct, frozen=True, kw_only=True):
    """A group that asks a participant to belong to it: its name by language, and since when that is known (ms)."""

    name: Mapping[str, str]
    at: int


class OwnMerger(Struct, frozen=True, kw_only=True):
    """A merger of which a participant has said something: who is part of `into` (a DID) since a day (ms), and what the
    authority said of it when it was asked last."""

    into: str
    since: int
    state: Literal["waiting", "approved", "refused", "expired", "withdrawn", "lapsed"] = "waiting"
    said: bool = True
    """Whether it is our own word, and not only that of who became part of us."""


class Joined(Struct, frozen=True, kw_only=True):
    """One row of `joined_space`: a space that a participant belongs to, or asks to belong to.

    `authority` is the URN of the key that a person compared. `told` is the digest of the keys that the authority knows.
    `until` (ms; None: without end) and `suspended` are what the list of the space said of us when it was booked last,
    `asked` the groups (IRI) that waited for our agreement when the authority was asked last.
    """

    participant: str
    space: str
    name: str
    did: str
    authority: str
    jwk: Mapping[str, str]
    list_url: str
    rules: Rules
    state: JoinState
    document: str
    application: str
    reason: str
    told: str
    asked_at: int
    changed_at: int
    version: int = 1
    until: int | None = None
    suspended: bool = False
    moved: str = ""
    """The statement of the hand-over that the authority has to hear of; empty once it has."""
    asked: Mapping[str, AskedFor] = {}
    mergers: Mapping[str, OwnMerger] = {}
    """By DID of who is part of another one: itself, or who became part of it."""
    seals: Mapping[str, OwnSeal] = {}
    """By SHA-256 (hex): certificates above level L1 at which the authority has to look."""


def fingerprint(authority: str) -> str:
    """Half of the thumbprint of the authority's key, 128 bits in hexadecimal, as two people read it to each other."""
    digits = decode(authority.rpartition(":")[2])[:16].hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def same_fingerprint(said: str, authority: str) -> bool:
    """Whether what somebody typed is all of that fingerprint, whatever spaces and capitals she used."""
    return "".join(said.split()).lower() == fingerprint(authority).replace(" ", "")


def to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
