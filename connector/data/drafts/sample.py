"""Sample data to practise with: a draft like any other that can never be published, and of which nothing stays.

The log has nothing of a draft, and a partner sees none, so that removing row, source and file removes everything.
What was published would stay in the log for good; therefore nobody can publish it (decision 0079). A sample is known
by its content, whatever it is called.
"""

import asyncio
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from connector.data.catalogue.model import SAMPLE
from connector.data.catalogue.service import Catalogue
from connector.data.catalogue.uploads import Uploads
from connector.data.drafts import store
from connector.data.drafts.model import Draft
from connector.data.drafts.service import Drafts
from connector.foundation.storage.database import Database, Tx

NAME: Final = "Beispiel Sitzbänke.csv"
FILE: Final = Path(__file__).with_name("sample.csv")


class Samples:
    """Of all participants; each has one at most."""

    def __init__(self, db: Database, drafts: Drafts, catalogue: Catalogue, uploads: Uploads) -> None:
        self._db, self._drafts, self._catalogue, self._uploads = db, drafts, catalogue, uploads

    async def begin(self, slug: str, author: str) -> Draft:
        """The sample that is there, or a new one; raises Mistake as for any file."""
        known = await self._db.read(slug, self.one, slug)
        if known is not None:
            return known
        content = await asyncio.to_thread(FILE.read_bytes)
        assert sha256(content).hexdigest() == SAMPLE
        return await self._drafts.begin(slug, author, NAME, _Bytes(content), len(content))

    def one(self, tx: Tx, slug: str) -> Draft | None:
        """That which is being tried."""
        return next((one for one in self._drafts.open_ones(tx, slug) if one.sample), None)

    async def remove(self, slug: str) -> None:
        """Everything of it: what was answered, the source and the file."""
        if await self._db.write(slug, self._forget, slug):
            place = self._uploads.folder(slug) / SAMPLE
            with suppress(FileNotFoundError):
                await asyncio.to_thread(place.unlink)

    def _forget(self, tx: Tx, slug: str) -> bool:
        """Whether nothing needs the file any more."""
        store.erase(tx, slug, SAMPLE)
        return self._catalogue.forget(tx, slug, SAMPLE)


class _Bytes:
    """A file that is here already, as one that arrives."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    async def read(self, n: int = -1) -> bytes:
        size = len(self._left) if n < 0 else n
        piece, self._left = self._left[:size], self._left[size:]
        return piece
