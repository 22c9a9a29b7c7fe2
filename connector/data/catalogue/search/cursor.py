"""Where the next or previous page begins, sealed: nobody can forge a cursor, share it or use it under another filter.

It holds a place in the order of publication and nothing else, so it never grows old and nothing is kept for it (T24).
"""

import hmac
from typing import Final

import msgspec

from connector.data.catalogue.search.filters import Filter
from connector.foundation.errors import PeerError
from connector.verify.formats import base64url

Place = tuple[int, str]
"""`created_at` in ms and id of the dataset that a page comes after or, going back, before."""
START: Final[Place] = (-1, "")


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    place: Place
    backward: bool = False


class Cursors:
    """`key` is secret and the same in every replica."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, slug: str, did: str, wanted: Filter, cursor: Cursor) -> str:
        body = msgspec.json.encode(cursor)
        return base64url.encode(self._mac(slug, did, wanted, body) + body)

    def open(self, slug: str, did: str, wanted: Filter, text: str) -> Cursor:
        """Raises PeerError if it was not made for this peer, participant and filter."""
        try:
            data = base64url.decode(text)
            if hmac.compare_digest(data[:32], self._mac(slug, did, wanted, data[32:])):
                return msgspec.json.decode(data[32:], type=Cursor)
        except (base64url.BadBase64, msgspec.DecodeError):
            pass
        raise PeerError("catalogue.cursor")

    def _mac(self, slug: str, did: str, wanted: Filter, body: bytes) -> bytes:
        return hmac.digest(self._key, b"|".join((slug.encode(), did.encode(), wanted.mac(), body)), "sha256")
