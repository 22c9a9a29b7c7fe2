"""What authority and applicant say to each other (spec/spaces.md 3.1, 3.2, 4.4): a description and signed statements.

A statement is a compact JWS by a key of the DID document of who says it, for the authority alone, of ten minutes.
"""

import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from connector.dataspace.spaces.model import MOST_KEYS, Digest, GroupedState, Keys, Line, Rules, Space, fingerprint
from connector.dataspace.spaces.seal_model import Certificates, SealState
from connector.foundation.errors import Mistake, PeerError
from connector.foundation.http import strict
from connector.identity.trust.did import did as dids
from connector.identity.trust.keys import jose
from connector.identity.trust.keys.jwk import Jwk, encode, thumbprint
from connector.identity.trust.members.pin import URN
from connector.identity.trust.members.trust_list import Sha256
from connector.identity.trust.signers.port import SealKey

PATH: Final = "/space"
APPLICATION: Final = "space-application+jwt"
REQUEST: Final = "space-request+jwt"
LIMIT: Final = 262_144
"""Bytes of a statement, its documents included."""
MOST_ATTACHED: Final = LIMIT * 9 // 16 - 16_384
"""Bytes of all documents of an application: twice base64 within a statement, beside all else that it says."""
NODES: Final = 5_000
DESCRIPTION: Final = 65_536
"""Bytes of a description."""
LIFE_S: Final = 600
MEDIA: Final = "application/jose"

GroupAct = Literal["group-add", "group-remove", "group-agree", "group-leave"]
Request = Literal[
    "keys", "leave", "merge", "merge-withdraw", "move", "group-add", "group-remove", "group-agree", "group-leave"
]

T = TypeVar("T", bound=Struct)
WitnessProof = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=4_000)]], Meta(max_length=MOST_KEYS)
]
"""By thumbprint, what each key of the witness signed of itself, in base64url (spec/spaces.md 3.2)."""
Key = dict[Annotated[str, Meta(max_length=20)], Annotated[str, Meta(max_length=2_000)]]


class Description(Struct, frozen=True, kw_only=True, rename="camel"):
    """A space as its authority shows it to anybody. Only the fingerprint that people compare makes it believed."""

    space: Annotated[str, Meta(max_length=500)]
    name: Line
    did: Annotated[str, Meta(max_length=512)]
    authority: Annotated[str, Meta(max_length=200)]
    key: Key
    list: Annotated[str, Meta(max_length=500)]
    rules: Rules

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.authority)


class Document(Struct, frozen=True, kw_only=True, rename="camel"):
    """A document that the rules ask for; `content` is base64url."""

    name: Line
    media_type: Line
    content: Annotated[str, Meta(max_length=LIMIT)]


class ApplicationClaims(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an applicant says of itself; `code` is that of its invitation, `agent` the sealed mandate of who acts for it
    (spec/mandates.md 5.2)."""

    space: Annotated[str, Meta(max_length=500)]
    code: Annotated[str, Meta(max_length=100)]
    name: Line
    operator: Line
    kind: Annotated[str, Meta(max_length=300)]
    ars: Annotated[str, Meta(max_length=20)]
    keys: Keys
    agent: dict[str, Any] | None = None
    witness_proof: WitnessProof = {}
    certificates: Certificates = ()
    documents: Annotated[tuple[Document, ...], Meta(max_length=20)] = ()


class RequestClaims(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a member asks its authority for: that the list names other keys, its end, or something about a group.

    `agent` goes with `keys`: the sealed mandate of who acts for it; and `certificates`, for people to look at. `group`
    is the IRI of that, `member` the DID of whom its keeper adds or removes. `move`: who signs stands in the place of a
    member from now on, which that says in `statement`. `merge`: `member` is part of `into` (a DID) by law since the day
    that begins at `since` (RFC 3339); both say so. `merge-withdraw`: who signs takes back what it said of `member`.
    """

    space: Annotated[str, Meta(max_length=500)]
    request: Request
    keys: Keys | None = None
    agent: dict[str, Any] | None = None
    witness_proof: WitnessProof = {}
    group: Annotated[str, Meta(max_length=600)] = ""
    member: Annotated[str, Meta(max_length=512)] = ""
    statement: Annotated[str, Meta(max_length=8_000)] = ""
    operator: Line = ""
    into: Annotated[str, Meta(max_length=512)] = ""
    since: Annotated[str, Meta(max_length=40)] = ""
    certificates: Certificates = ()

    @property
    def order(self) -> str:
        """Of requests of one order an older one is refused: whom a keeper removed is not added by an earlier word."""
        return self.request.partition("-")[0]


class GroupStanding(Struct, frozen=True, kw_only=True, rename="camel"):
    """A group of a space to one of its members: `state` asked, member, or empty; `members` by DID for its keeper."""

    group: Annotated[str, Meta(max_length=600)]
    name: Annotated[dict[str, Line], Meta(max_length=10)]
    keeper: Annotated[str, Meta(max_length=512)]
    state: GroupedState | Literal[""]
    members: Annotated[dict[str, GroupedState], Meta(max_length=1_000)] = {}


class MergerStanding(Struct, frozen=True, kw_only=True, rename="camel"):
    """A merger to either of the two: `member` is part of `into` (DIDs) since then (milliseconds). `asked`: one has said
    so; `said`: both have; `withdrawn`: the member took it back; `lapsed`: one of both moved before people decided;
    else what they decided, or that they did not in time."""

    member: Annotated[str, Meta(max_length=512)]
    into: Annotated[str, Meta(max_length=512)]
    since: int
    state: Literal["asked", "said", "approved", "refused", "expired", "withdrawn", "lapsed"]


class CertificateStanding(Struct, frozen=True, kw_only=True, rename="camel"):
    """A seal certificate above level L1 to the member that named it: people have to look yet, the list names it, or
    they refused it and why."""

    sha256: Sha256
    state: SealState
    reason: Annotated[str, Meta(max_length=500)] = ""


class Receipt(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer to an application, and to a question after it."""

    id: Annotated[str, Meta(max_length=100)]
    state: Literal["pending", "approved", "refused", "withdrawn", "expired"]
    reason: Annotated[str, Meta(max_length=500)] = ""


def description(space: Space, root: str, did: str) -> Description:
    return Description(
        space=space.space,
        name=space.name,
        did=did,
        authority=space.authority,
        key=dict(space.jwk),
        list=f"{root}{PATH}/list",
        rules=space.rules,
    )


def require_readable(said: Description) -> Description:
    """The description itself; raises Mistake if whoever applies could not read it, or if a name in the rules is blank.

    Read as applicants read it: characters that steer a screen, or too many of any, and nobody joins any more.
    """
    rules = said.rules
    try:
        read_description(msgspec.json.encode(said), said.space.removesuffix(PATH))
    except (PeerError, UnicodeEncodeError) as cause:
        raise Mistake("spaces.rules") from cause
    if not all(name.strip() for name in (*rules.documents, *rules.checklist)):
        raise Mistake("spaces.rules")
    return said


def read_description(body: bytes, root: str) -> Description:
    """The description that was served at a root; PeerError unless all that it says lies there, and its key is ES256."""
    value = strict.loads(body, limit=DESCRIPTION)
    try:
        found = msgspec.convert(value, Description)
        named = URN + thumbprint(found.key)
        good = found.key.get("kty") == "EC" and found.key.get("crv") == "P-256" and "d" not in found.key
    except (msgspec.ValidationError, PeerError) as cause:
        raise PeerError("spaces.description") from cause
    place = f"{root}{PATH}"
    if not good or (found.space, found.did, found.authority, found.list) != (
        place,
        dids.of_root(root),
        named,
        f"{place}/list",
    ):
        raise PeerError("spaces.description")
    return found


def claims(issuer: str, audience: str, now: int, said: Struct) -> dict[str, Any]:
    """The claims of a statement, as JSON; `now` in milliseconds."""
    return {
        **msgspec.to_builtins(said),
        "iss": issuer,
        "sub": issuer,
        "aud": audience,
        "iat": now // 1000,
        "exp": now // 1000 + LIFE_S,
        "jti": secrets.token_urlsafe(18),
    }


async def signed(body: bytes, key: SealKey, typ: str) -> str:
    """A compact JWS over these very bytes, wherever the key lies; raises Unavailable."""
    head = msgspec.json.encode({"alg": key.alg, "kid": key.kid, "typ": typ})
    said = f"{encode(head)}.{encode(body)}"
    return f"{said}.{encode(await key.seal(said.encode('ascii')))}"


def read(text: str, audience: str, now: int, typ: str) -> tuple[str, jose.Unverified]:
    """Who claims to say it, and the statement that nobody has vouched for yet; Unauthenticated for what is none."""
    statement = jose.read(text, limit=LIMIT, nodes=NODES)
    return jose.check(statement, aud=audience, now=now, typ=frozenset({typ})), statement


def application_of(statement: jose.Unverified, jwk: Jwk) -> ApplicationClaims:
    """Raises Unauthenticated, or PeerError for one that makes no sense."""
    return _converted(jose.proven(statement, jwk), ApplicationClaims)


def request_of(statement: jose.Unverified, jwk: Jwk) -> RequestClaims:
    return _converted(jose.proven(statement, jwk), RequestClaims)


def _converted(said: Mapping[str, Any], cls: type[T]) -> T:
    try:
        return msgspec.convert(said, cls)
    except msgspec.ValidationError as cause:
        raise PeerError("spaces.statement") from cause


def digest_of(keys: Keys) -> Digest:
    """By which a member sees whether its authority knows its keys; another one since certificates go with them."""
    return sha256(b"shown" + msgspec.json.encode(keys, order="sorted")).hexdigest()


class Nothing(Struct, frozen=True):
    """A statement that says who speaks, and no more."""
