"""Where the trust list comes from: a file or an https address, looked at again and again; the key stays pinned.

Each accepted version is kept in the database, so that not even a restart can be used to bring back an older one.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from connector.errors import HanseError, Mistake, Unavailable
from connector.http.outbound import SafeClient
from connector.storage.database import PROCESS, Database, Tx
from connector.trust.anchors import LIMIT, Anchor

log = structlog.get_logger("trust")


class Listing:
    """Keeps an `Anchor` current; `url` empty means the file alone."""

    def __init__(self, db: Database, anchor: Anchor, client: SafeClient, file: Path, url: str) -> None:
        self._db, self._anchor, self._client, self._file, self._url = db, anchor, client, file, url
        self._kept = 0

    async def start(self) -> None:
        """The newest list known: from the database, then from where lists come from. Without one nobody belongs yet."""
        kept = await self._db.read(PROCESS, _newest)
        if kept is not None:
            self._anchor.update(kept)
            self._kept = self._anchor.version
        try:
            await self.reload()
        except HanseError as error:
            log.warning("trust.list", why=str(error))

    async def reload(self) -> int:
        """Looks now; the version in force afterwards. PeerError for a list that is refused; the old one stays."""
        jws = await self._fetched()
        if self._anchor.update(jws):
            log.info("trust.list", version=self._anchor.version, members=len(self._anchor.current.participants))
        if self._kept < self._anchor.version:  # also one that is in force since a reload whose write failed
            version = self._anchor.version
            await self._db.write(PROCESS, _keep, version, self._anchor.jws)
            self._kept = max(self._kept, version)
        return self._anchor.version

    async def _fetched(self) -> str:
        if self._url:
            answer = await self._client.get(self._url, limit=LIMIT)
            if answer.status != 200:
                raise Unavailable("trust.list-unreachable", status=answer.status)
            return answer.body.decode("ascii", "replace").strip()
        try:
            return (await asyncio.to_thread(self._file.read_text, encoding="ascii", errors="replace")).strip()
        except OSError as cause:
            raise Mistake("trust.list-file", path=self._file) from cause


def _newest(tx: Tx) -> str | None:
    row = tx.one("SELECT jws FROM trust_list ORDER BY version DESC LIMIT 1")
    return None if row is None else str(row["jws"])


def _keep(tx: Tx, version: int, jws: str) -> None:
    tx.run(
        "INSERT INTO trust_list (version, jws, accepted_at) VALUES (:version, :jws, :now) ON CONFLICT DO NOTHING",
        version=version,
        jws=jws,
        now=tx.now,
    )


def checked_url(url: str, authority: Mapping[str, str]) -> str:
    """The address itself; Mistake unless it is https. The key pinned beside it is what makes the host harmless."""
    if url and (urlsplit(url).scheme != "https" or not authority):
        raise Mistake("trust.list-url", url=url[:200])
    return url
