"""What an archive says of itself, last in it and signed by the participant: every entry, the log, every agreement."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from connector.foundation.errors import HanseError, Mistake
from connector.identity.participants import succession
from connector.identity.participants.model import Participant
from connector.identity.participants.publisher_details import PublisherDetails
from connector.identity.trust.keys import jose
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.keys.signing import Signer

FORM: Final = 1
TYP: Final = "hanse-archive+jwt"
MOST_BYTES: Final = 40 << 20
MOST_ENTRIES: Final = 100_000
"""Entries of an archive: tables, and files of the participant."""
MOST_AGREEMENTS: Final = 100_000
_REST: Final = 262_144
"""Bytes for all but files and agreements: tables, who moves, the signature."""
Hex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Entry(Struct, frozen=True):
    """One entry: bytes of its blocks together, their SHA-256, and rows if it is a table's (else 0)."""

    name: Annotated[str, Meta(max_length=1_000)]
    size: int
    sha256: Hex
    rows: int = 0


class Origin(Struct, frozen=True, kw_only=True):
    """Who moves, as the present provider knows it; `former` are DIDs of before, to which `did` comes there."""

    did: Annotated[str, Meta(max_length=512)]
    root: Annotated[str, Meta(max_length=500)]
    name: Annotated[str, Meta(max_length=200)]
    kind: Annotated[str, Meta(max_length=300)]
    operator: Annotated[str, Meta(max_length=200)]
    former: Annotated[tuple[str, ...], Meta(max_length=succession.MOST_FORMER - 1)] = ()
    publisher: PublisherDetails = PublisherDetails()


class Log(Struct, frozen=True):
    """The newest signed state of its log: leaves, and their root in hexadecimal."""

    size: int
    root: str


class Manifest(Struct, frozen=True, kw_only=True):
    """`to` is the DID that it goes to; `agreements` their SHA-256 by id; `form` the version of this format."""

    form: int
    move: str
    to: str
    product: str
    made_at: str
    origin: Origin
    log: Log
    agreements: Annotated[dict[str, Hex], Meta(max_length=MOST_AGREEMENTS)]
    entries: Annotated[tuple[Entry, ...], Meta(max_length=MOST_ENTRIES)]


class Tally:
    """What entries came, in their order, as one digest: whoever reads an archive keeps no list of what it says before
    anything of that is believed (threat T124)."""

    def __init__(self) -> None:
        self.count, self._digest = 0, sha256()

    def add(self, name: str, size: int, digest: str) -> None:
        """`digest` is the SHA-256 (hex) of its blocks."""
        self.count += 1
        self._digest.update(msgspec.json.encode((name, size, digest)))

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def tally_of(entries: Iterable[Entry]) -> str:
    """The digest of the entries that a manifest names."""
    made = Tally()
    for one in entries:
        made.add(one.name, one.size, one.sha256)
    return made.sha256


def length(files: Iterable[tuple[str, int]], agreements: Mapping[str, str]) -> int:
    """How many bytes a manifest with these files (name of the entry, bytes) and agreements has at most."""
    entries = sum(len(msgspec.json.encode(Entry(name, size, "0" * 64))) + 1 for name, size in files)
    return (entries + len(msgspec.json.encode(agreements)) + _REST) * 4 // 3


class _Form(Struct, frozen=True):
    form: int


def origin_of(one: Participant) -> Origin:
    return Origin(
        did=one.did,
        root=one.root,
        name=one.name,
        kind=one.kind,
        operator=one.operator,
        publisher=one.publisher,
        former=one.former,
    )


def signed(manifest: Manifest, signer: Signer) -> bytes:
    """A compact JWS over it."""
    return jose.sign_text(msgspec.json.encode(manifest), signer, TYP).encode("ascii")


def claimed(jws: bytes) -> tuple[str, str]:
    """(DID, key id) of who says to have signed it; nobody has vouched for it yet. Raises Mistake."""
    try:
        head = jws.split(b".", 1)[0].decode("ascii") if len(jws) <= MOST_BYTES else ""
        kid = str(jose.read(f"{head}.e30.AA").header.get("kid", ""))
    except (ValueError, HanseError) as cause:
        raise Mistake("moving.damaged") from cause
    return kid.partition("#")[0], kid


def read(jws: bytes, jwk: Jwk) -> Manifest:
    """Raises Mistake unless the holder of this key signed it, and it is of this format."""
    try:
        text = jose.signed_text(jws.decode("ascii"), jwk, typ=TYP, limit=MOST_BYTES)
        if msgspec.json.decode(text, type=_Form).form != FORM:
            raise Mistake("moving.version")
        return msgspec.json.decode(text, type=Manifest)
    except (ValueError, msgspec.MsgspecError) as cause:
        raise Mistake("moving.damaged") from cause
    except HanseError as cause:
        raise cause if isinstance(cause, Mistake) else Mistake("moving.forged") from cause
