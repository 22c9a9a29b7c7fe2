"""What of the spaces of a participant goes along when it moves: they are believed at the new place too.

What a row says of a space, whoever wrote the row, is held to what the space's own root would have to say.
"""

from collections.abc import Iterable
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from connector.dataspace.spaces import documents, joined_store
from connector.dataspace.spaces.documents import Description
from connector.dataspace.spaces.keeping.authority import pin_of
from connector.dataspace.spaces.model import Joined
from connector.foundation.errors import Mistake, PeerError
from connector.foundation.storage.database import Tx
from connector.identity.trust.members import pins
from connector.identity.trust.members.pin import Pin


def believe(tx: Tx, slug: str, dids: Iterable[str], statement: str) -> None:
    """The spaces of a participant that came from elsewhere are believed here too, as its people compared their keys,
    for each DID that it has or had. Their authorities are to hear of the move."""
    own = tuple(dids)
    for one in joined_store.all_joined(tx, slug):
        if one.state == "member":
            joined_store.put(tx, replace(one, told="", moved=statement), None)
            for did in own:
                # It was here before, and knew the space with another key; or nobody serves what it brings.
                with suppress(Mistake, PeerError):
                    pins.pin(tx, did, pinned(one))


def move_untold(tx: Tx, slug: str) -> str | None:
    """A space whose authority has not heard yet how the participant came here; None if there is none."""
    return next((one.name for one in joined_store.all_joined(tx, slug) if one.moved), None)


def pinned(one: Joined) -> Pin:
    """By which key a space is believed; PeerError for what its root could not say: another address of the list, another
    participant that keeps it."""
    said = Description(
        space=one.space,
        name=one.name,
        did=one.did,
        authority=one.authority,
        key=dict(one.jwk),
        list=one.list_url,
        rules=one.rules,
    )
    documents.read_description(msgspec.json.encode(said), one.space.removesuffix(documents.PATH))
    return pin_of(said)


def code_context(slug: str, space: str) -> str:
    """What the code of an application on its way is sealed for, anew at each place."""
    return f"{slug}|join|{space}"
