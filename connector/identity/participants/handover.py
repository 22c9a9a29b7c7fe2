"""The last word of a participant at its former place about a move, as it is signed there (spec/moving.md 1.1).

The new place begins by it, and the authority of a space believes by it that the new DID stands in the place of the old.
"""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from connector.foundation.errors import HanseError, Mistake
from connector.identity.trust.keys import jose
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.keys.signing import Signer

TYP: Final = "hanse-move-statement+jwt"
LONGEST: Final = 8_000


class Handover(Struct, frozen=True, kw_only=True, rename={"origin": "from"}):
    """`digest` is the SHA-256 of the archive; `origin` and `to` are DIDs; `at` in milliseconds."""

    move: str
    digest: str
    word: Literal["handed", "stays"]
    origin: str
    to: str
    at: int


def signed(said: Handover, signer: Signer) -> str:
    """A compact JWS by the key of the participant's tokens."""
    return jose.sign_text(msgspec.json.encode(said), signer, TYP)


def signer_of(text: str) -> tuple[str, str]:
    """(DID, key id) of who says to have signed it, which nobody has checked; raises Mistake for what is none."""
    try:
        kid = jose.read(plain(text), limit=LONGEST).kid or ""
    except HanseError as cause:
        raise Mistake("moving.statement") from cause
    return kid.partition("#")[0], kid


def read(text: str, jwk: Jwk) -> Handover:
    """Raises Mistake unless the holder of this key signed it."""
    try:
        return msgspec.json.decode(jose.signed_text(plain(text), jwk, typ=TYP, limit=LONGEST), type=Handover)
    except (ValueError, msgspec.MsgspecError, HanseError) as cause:
        raise Mistake("moving.statement") from cause


def plain(text: str) -> str:
    """Without what mail has done to it."""
    return "".join(text.split())
