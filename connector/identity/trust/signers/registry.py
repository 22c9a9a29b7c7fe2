"""Which keeper is asked for which seal key; what a key row says of a key that lies elsewhere, and back.

The row of such a key holds, sealed at rest like a private key, the `Place` where it lies.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from connector.foundation.errors import Defect, Mistake
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Signers
from connector.identity.trust.signers.csc import SigningService
from connector.identity.trust.signers.pkcs11 import Hsm
from connector.identity.trust.signers.port import Keeper, KeptKey, Kind, Place, Public
from connector.identity.trust.signers.throttle import Throttle
from connector.identity.trust.signers.vault_transit import NAME, Transit

_LONGEST: Final = 256
_PLAIN: Final = re.compile(r"[ -~]+")


class SignerRegistry:
    """All keepers that the settings name; one that they do not name is Unavailable when it is asked."""

    def __init__(self, keepers: Mapping[Kind, Keeper], answer_s: float) -> None:
        self._keepers, self._answer_s = keepers, answer_s
        self._turns: dict[Place, Throttle] = {}

    @classmethod
    def of(cls, settings: Signers, http: SafeClient) -> "SignerRegistry":
        """The keepers of this process."""
        service, transit, hsm = SigningService(settings, http), Transit(settings, http), Hsm(settings)
        return cls({"csc": service.sign, "vault": transit.sign, "pkcs11": hsm.sign}, settings.answer_s)

    def key(self, kid: str, public: Public, place: Place) -> KeptKey:
        """The seal key at this place; nobody is asked yet."""
        keeper = self._keepers.get(place.signer)
        if keeper is None:
            raise Defect("signers.no-keeper", signer=place.signer)
        return KeptKey(kid, public, place, keeper, self._answer_s, self._turns.setdefault(place, Throttle()))


def checked(place: Place) -> Place:
    """The place itself; raises Mistake for a name that cannot be one."""
    names = [place.key, *([place.token] if place.signer == "pkcs11" else [])]
    good = all(_PLAIN.fullmatch(name) and len(name) <= _LONGEST for name in names)
    if not good or (place.signer == "vault" and not NAME.fullmatch(place.key)):
        raise Mistake("signers.place", key=place.key[:80], token=place.token[:80])
    return place


def written(place: Place) -> bytes:
    """What is sealed at rest in the place of a private key."""
    return msgspec.json.encode(place)


def place_of(opened: bytes) -> Place | None:
    """The place that an opened key row names; None if it holds a private key."""
    value = msgspec.json.decode(opened)
    return msgspec.convert(value, Place) if isinstance(value, dict) and "signer" in value else None
