"""Where the trust list comes from: a file or an https address, looked at again and again; the key stays pinned.

Each accepted version is kept in the database, so that not even a restart can be used to bring back an older one, and so
that all replicas go by what one of them has seen (`catch_up`). Changed entries are reported to listeners, those of the
lists of joined spaces too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.members import forks
from connector.identity.trust.members.forks import FORK, ForkedList
from connector.identity.trust.members.list_reader import ListReader
from connector.identity.trust.members.pin import URN
from connector.identity.trust.members.pins import KEPT
from connector.identity.trust.members.pins import TOPIC as TOPIC
from connector.identity.trust.members.space_lists import LARGE, SpaceLists
from connector.identity.trust.members.trust_list import LIMIT, Anchor, Entry

log = structlog.get_logger("trust")
Changed = Callable[[frozenset[str]], Awaitable[None]]
"""Told of the DIDs of which the list says something else than before."""
START_S = 10.0
"""How long a start waits for lists; those that were kept are in force."""


class TrustListSource:
    """Keeps an `Anchor` current; `url` empty means the file alone, `file` None: no list is configured.

    `spaces` are the lists of joined spaces, which are looked at with it.
    """

    def __init__(
        self,
        db: Database,
        anchor: Anchor,
        client: SafeClient,
        file: Path | None,
        url: str,
        spaces: SpaceLists | None = None,
    ) -> None:
        self._db, self._anchor, self._client, self._file, self._url = db, anchor, client, file, url
        self._reader = ListReader(anchor.authority_jwk)
        self._reading = asyncio.Lock()
        self._spaces = spaces
        self._kept = 0
        self._changed: Changed | None = None
        self._untold: frozenset[str] = frozenset()
        self._first: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()

    def listen(self, changed: Changed) -> None:
        """Who is told from now on."""
        self._changed = changed

    async def start(self) -> None:
        """The newest list known: from the database, then from where lists come from, which is waited for so long and no
        longer: the rest is read beside the first requests. Without one nobody belongs yet."""
        kept = await self._db.read(PROCESS, _newest) if self._file is not None else None
        if kept is not None:
            async with self._reading:
                await self._update(kept)
            self._kept = self._anchor.version
        if self._spaces is not None:
            await self._spaces.catch_up()  # known before: nobody has to be told
        self._first = asyncio.create_task(self._first_look(), name="first look at lists")
        await asyncio.wait((self._first,), timeout=START_S)
        if self._first.done():
            self._first.result()  # a defect stops the start

    async def stop(self) -> None:
        """Of a first look that is not over."""
        if self._first is not None:
            self._first.cancel()
            await asyncio.gather(self._first, return_exceptions=True)

    async def _first_look(self) -> None:
        try:
            await self.reload()
        except HanseError as error:
            log.warning("trust.list", why=str(error))

    async def reload(self) -> int:
        """Looks now; the version in force afterwards. PeerError for a list that is refused; the old one stays.

        The configured list first, which goes before all others: those of spaces may keep a look waiting for long.
        """
        async with self._looking:
            fault: HanseError | None = None
            try:
                await self._configured()
            except HanseError as error:
                fault = error
            if self._spaces is not None:
                self._untold |= await self._spaces.reload()
                if fault is not None and self._url:
                    await self._spaces.refused(self._name, fault)
            await self._tell()
            if fault is not None:
                raise fault
            return self._anchor.version

    async def _configured(self) -> None:
        if self._file is not None:
            async with self._reading:
                self._untold |= await self._believed(await self._fetched(self._file))
        await self._keep_newest()
        await self._tell()

    async def _keep_newest(self) -> None:
        """In the database, also one that is in force since a reload whose write failed."""
        if self._kept >= self._anchor.version:
            return
        version, jws = self._anchor.version, self._anchor.jws
        first = await self._db.write(PROCESS, _keep, version, jws)
        if first is not None:  # another replica took another text of this number
            await forks.compared(self._db, self._name, self._anchor.authority_jwk, jws, first)
        self._kept = max(self._kept, version)

    async def seeks(self, authority: str) -> bool:
        """Of a list that comes as a file alone the operator says which one holds."""
        if authority == self._name:
            return bool(self._url)
        return self._spaces is not None and await self._spaces.seeks(authority)

    async def handed(self, authority: str, jws: str) -> None:
        """Takes a list that a member shows; raises what stands in the way."""
        if authority != self._name:
            if self._spaces is not None:
                self._untold |= await self._spaces.handed(authority, jws)
        else:
            held = self._anchor.version
            async with self._reading:
                self._untold |= await self._believed(jws, held)
            if self._spaces is not None and self._anchor.version > held:
                self._spaces.got(authority)
            await self._keep_newest()
        await self._tell()

    async def catch_up(self) -> None:
        """Takes a newer list that another replica has kept."""
        if self._spaces is not None:
            self._untold |= await self._spaces.catch_up()
        held = self._anchor.version
        kept = await self._db.read(PROCESS, _newer, held) if self._file is not None else None
        if kept is not None:
            async with self._reading:  # a look may have taken a newer one meanwhile
                self._untold |= await self._accepted(kept, held)
            self._kept = max(self._kept, self._anchor.version)
        await self._tell()

    async def _believed(self, jws: str, asked: int | None = None) -> frozenset[str]:
        """As `_accepted`; of two different lists of one number both are kept as proof."""
        try:
            return await self._accepted(jws, asked)
        except PeerError as error:
            if error.code == FORK:
                one = ForkedList(authority=self._name, version=self._anchor.version, held=self._anchor.jws, other=jws)
                await self._db.write(PROCESS, forks.keep, one, self._anchor.authority_jwk)
            raise

    @property
    def _name(self) -> str:
        """The URN of the authority; empty if no list is configured."""
        return URN + thumbprint(self._anchor.authority_jwk) if self._anchor.authority_jwk else ""

    async def _accepted(self, jws: str, asked: int | None = None) -> frozenset[str]:
        """DIDs of which the list now says something else; none if it is the first or no new one."""
        before, first = self._anchor.entries, self._anchor.version == 0
        if not await self._update(jws, asked):
            return frozenset()
        log.info("trust.list", version=self._anchor.version, members=len(self._anchor.current.participants))
        after = self._anchor.entries
        dids = frozenset() if first else before.keys() | after.keys()
        return frozenset(did for did in dids if _other(before.get(did), after.get(did)))

    async def _update(self, jws: str, asked: int | None = None) -> bool:
        """A large list is verified and read on a thread, where it holds up nobody; the text in force not at all."""
        if jws == self._anchor.jws or len(jws) < LARGE:
            return self._anchor.update(jws, self._reader.read, asked)
        found = await asyncio.to_thread(self._reader.read, jws)
        return self._anchor.update(jws, lambda _: found, asked)

    async def _tell(self) -> None:
        """Passes on all changes that were not passed on yet: what fails is made up for at the next look."""
        told, self._untold = self._untold, frozenset()
        if told and self._changed is not None:
            try:
                await self._changed(told | self._anchor.parts(told))
            except BaseException:
                self._untold |= told
                raise

    async def look(self, authority: str) -> None:
        """Looks at the list of one joined space now; raises what stands in the way."""
        if self._spaces is not None:
            self._untold |= await self._spaces.look(authority)
        await self._tell()

    async def _fetched(self, file: Path) -> str:
        if self._url:
            answer = await self._client.get(self._url, limit=LIMIT)
            if answer.status != 200:
                raise Unavailable("trust.list-unreachable", status=answer.status)
            return answer.body.decode("ascii", "replace").strip()
        try:
            return (await asyncio.to_thread(file.read_text, encoding="ascii", errors="replace")).strip()
        except OSError as cause:
            raise Mistake("trust.list-file", path=file) from cause


def _other(before: Entry | None, after: Entry | None) -> bool:
    """Whether it is another entry; most are the very same object."""
    return before is not after and before != after


def _newest(tx: Tx) -> str | None:
    row = tx.one("SELECT jws FROM trust_list ORDER BY version DESC LIMIT 1")
    return None if row is None else str(row["jws"])


def _newer(tx: Tx, version: int) -> str | None:
    row = tx.one("SELECT jws FROM trust_list WHERE version > :version ORDER BY version DESC LIMIT 1", version=version)
    return None if row is None else str(row["jws"])


def _keep(tx: Tx, version: int, jws: str) -> str | None:
    """The list of that number that was there already, if it is another text."""
    added = tx.run(
        "INSERT INTO trust_list (version, jws, accepted_at) VALUES (:version, :jws, :now) ON CONFLICT DO NOTHING",
        version=version,
        jws=jws,
        now=tx.now,
    )
    tx.run(
        "DELETE FROM trust_list WHERE version < (SELECT min(version) FROM (SELECT version FROM trust_list"
        " ORDER BY version DESC LIMIT :kept) AS newest)",
        kept=KEPT,
    )
    tx.signal(TOPIC)
    there = None if added else tx.one("SELECT jws FROM trust_list WHERE version = :version", version=version)
    return None if there is None or there["jws"] == jws else str(there["jws"])


def checked_url(url: str, authority: Mapping[str, str]) -> str:
    """The address itself; Mistake unless it is https. The key pinned beside it is what makes the host harmless."""
    if url and (urlsplit(url).scheme != "https" or not authority):
        raise Mistake("trust.list-url", url=url[:200])
    return url
