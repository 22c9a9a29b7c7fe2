"""Authorities of spaces, what their lists say, and a process that reads them."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from connector.foundation.clock import rfc3339
from connector.identity.trust.keys.signing import Vault
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.pin import Pin
from connector.identity.trust.members.trust_list import Anchor, Entry, ListedAuthority, TrustList
from tests.identity.trust.members.lists import HOUR, NOW


class Keeper:
    """An authority of a space, and what its list says."""

    def __init__(self, folder: Path, name: str) -> None:
        self.key = Authority.create(folder / name, Vault(bytes(32)))
        self.space = f"https://{name}.de/space"
        self.name, self.version = name, 0
        self.pin = Pin(
            authority=self.key.id,
            space=self.space,
            name=name,
            jwk=self.key.public_jwk,
            list_url=f"{self.space}/list",
            did=f"did:web:{name}.de",
        )

    def says(self, *entries: Entry, **more: Any) -> str:
        self.version = more.pop("version", self.version + 1)
        said: dict[str, Any] = {
            "version": self.version,
            "issued": rfc3339(NOW),
            "next_update": rfc3339(NOW + HOUR),
            "authority": self.key.id,
            "participants": entries,
            "space": self.space,
            "name": self.name,
        }
        self.pin = replace(self.pin, members=self.pin.members | {one.did for one in entries})
        return self.key.issue(TrustList(**{**said, **more}))

    def named(self, *kinds: str) -> ListedAuthority:
        return ListedAuthority(self.key.id, self.space, self.name, dict(self.key.public_jwk), self.pin.list_url, kinds)


def of(*lists: tuple[Keeper, str], home: Anchor | None = None) -> AnchorOfSpaces:
    anchors = AnchorOfSpaces(home)
    anchors.pin([keeper.pin for keeper, _ in lists])
    for keeper, jws in lists:
        anchors.accept(keeper.key.id, jws)
    return anchors
