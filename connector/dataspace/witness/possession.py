"""That a member holds the keys of the witness that it names: each signs where it is to be listed (spec/spaces.md 3.2).

A key of a witness stands in no DID document, so its own signature alone says whose it is (threat T149). What it signs
begins like nothing else that it signs, and names the space, the member and the address: nobody can use it elsewhere.
"""

from collections.abc import Mapping
from typing import Final

from connector.foundation.errors import PeerError
from connector.identity.trust.keys.jwk import decode, thumbprint
from connector.verify.formats.checkpoint import key_of
from connector.verify.formats.cosignature import name_of

PREFIX: Final = "hanse/witness-key/v1"
Jwk = Mapping[str, str]


def message(space: str, did: str, url: str, name: str) -> bytes:
    """What the key of this thumbprint signs; none of the others has a line break in it."""
    return "\n".join((PREFIX, space, did, url, name, "")).encode()


def proves(space: str, did: str, url: str, key: Jwk, signature: str) -> bool:
    """Whether this is the key's own signature (base64url); of a key that cannot be checked here it is not.

    Fault `log-key` for what is no key.
    """
    found = key_of(name_of(url), key)
    if found is None or any("\n" in one for one in (space, did, url)):
        return False
    try:
        return found.signs(message(space, did, url, thumbprint(key)), decode(signature))
    except (ValueError, PeerError):
        return False
