"""Mails as rows of the outbox: put there once per person and notification, and sent with the worker's back-off.

A row names a person and what she is told of, never an address: where she wants it is asked when it is sent. Nobody is
written to in the quiet hours, and nobody more often than every quarter of an hour.

A row is finished after the server has taken its mail: a process that dies in between sends it again, under the same
Message-ID. A server that hangs keeps two threads of this queue, and all mails wait until it is well again.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

import msgspec

from connector.foundation.errors import Unavailable
from connector.foundation.settings.load import Mail
from connector.foundation.storage import outbox
from connector.foundation.storage.database import PROCESS, WORKER, Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.zone import local
from connector.identity.accounts.mailboxes import Mailbox, Mailboxes
from connector.identity.participants.service import Hosted, Participants
from connector.oversight.notifications import smtp, store
from connector.oversight.notifications.message import message
from connector.oversight.notifications.model import Notification
from connector.oversight.notifications.smtp import AWAY

MAIL = "mail"
"""Kind of the rows."""
QUEUE_S = 60.0
PAUSE_MS = 900_000
DAY_MS = 86_400_000
GIVEN_UP_MS = 3 * DAY_MS
FRESH_MS = 7 * DAY_MS
"""What is older is not mailed any more: whoever begins to want mail gets no history."""
AT_ONCE = 2
"""Mails that are on their way at the same time."""
LONGEST_S = 60.0
"""So long a mail may take."""
AWAY_S = 60.0
"""So long nobody asks a server that was away."""
Send = Callable[[Mail, str, EmailMessage], None]


class MailRow(msgspec.Struct, frozen=True):
    """The body of a row. `to` is empty: it goes to no peer."""

    person: str
    names: tuple[str, ...]
    to: str = ""
    process: str = ""


class MailQueue:
    """`send` blocks, and is called on a thread; `desk` is where people open the desk."""

    def __init__(
        self,
        db: Database,
        participants: Participants,
        mailboxes: Mailboxes,
        mail: Mail,
        desk: Callable[[], str],
        send: Send = smtp.send,
    ) -> None:
        self._db, self._participants, self._mailboxes = db, participants, mailboxes
        self._mail, self._desk, self._send = mail, desk, send
        self._places, self._away_until = asyncio.Semaphore(AT_ONCE), 0.0
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="mail")

    async def queue(self) -> None:
        """The job: rows for whoever wants mail and has something to hear of."""
        if not self._mail.host:
            return
        since = await self._db.read(PROCESS, lambda tx: tx.now) - FRESH_MS
        for slug in await self._db.read(WORKER, store.fresh, since):
            if await self._db.read(slug, self._anybody, slug):
                await self._db.write(slug, self._put, slug)

    async def deliver(self, row: OutboxRow) -> None:
        """Handler of a row: sent, or refused for good in the mail server's words; Unavailable lets it wait."""
        body = msgspec.json.decode(row.body, type=MailRow)
        hosted = await self._participants.get(row.participant)
        found = await self._db.read(row.participant, self._load, row, body, hosted)
        if found is None or not self._mail.host:
            await self._db.write(row.participant, _finish, row)
            return
        box, mail, late = found
        try:
            await self._sent(box.address, mail)
        except smtp.MailRefused as refused:
            await self._db.write(row.participant, self._refused, row, body.person, refused.words)
            return
        except Unavailable as away:
            if not late:
                raise
            await self._db.write(row.participant, self._refused, row, body.person, str(away.code))
            return
        await self._db.write(row.participant, self._taken, row, body.person)

    async def _sent(self, address: str, mail: EmailMessage) -> None:
        """Raises as `smtp.send`; Unavailable at once while the server is known to be away."""
        loop = asyncio.get_running_loop()
        async with self._places:
            if loop.time() < self._away_until:
                raise Unavailable(AWAY, host=self._mail.host)
            try:
                async with asyncio.timeout(LONGEST_S):
                    await loop.run_in_executor(self._pool, self._send, self._mail, address, mail)
            except TimeoutError as slow:
                self._away_until = loop.time() + AWAY_S
                raise Unavailable(AWAY, host=self._mail.host) from slow
            except Unavailable as problem:
                if problem.code == AWAY:
                    self._away_until = loop.time() + AWAY_S
                raise

    def _anybody(self, tx: Tx, slug: str) -> bool:
        return bool(self._mailboxes.at(tx, slug))

    def _put(self, tx: Tx, slug: str) -> None:
        if quiet(tx.now, self._mail.quiet_from, self._mail.quiet_until):
            return
        told = store.newest(tx, slug)
        for who, (box, roles) in self._mailboxes.at(tx, slug).items():
            mailed = store.mailed_to(tx, slug, who)
            if not _turn(tx.now, box, max(mailed.values(), default=0), self._mail.digest_hour):
                continue
            read = store.read_by(tx, slug, who)
            fresh = [
                one.name
                for one in told
                if one.concerns(who, roles)
                and one.name not in mailed
                and one.name not in read
                and one.at > tx.now - FRESH_MS
            ]
            names = tuple(name for name in fresh if store.note_mailed(tx, slug, who, name))
            if names:
                body = msgspec.json.encode(MailRow(box.person, names))
                outbox.put(tx, participant=slug, stream=f"{MAIL}:{slug}:{box.person}", kind=MAIL, body=body)

    def _load(self, tx: Tx, row: OutboxRow, body: MailRow, hosted: Hosted) -> tuple[Mailbox, EmailMessage, bool] | None:
        """None: she wants none any more, or nothing of it is kept."""
        boxes = self._mailboxes.at(tx, row.participant).values()
        box = next((one for one, _ in boxes if one.person == body.person), None)
        told: Sequence[Notification] = [one for one in store.newest(tx, row.participant) if one.name in body.names]
        if box is None or not told:
            return None
        mail = message(
            told,
            box.language,
            sender=self._mail.sender,
            to=box.address,
            desk=self._desk(),
            participant=row.participant,
            name=hosted.participant.name,
            at=row.created_at,
        )
        return box, mail, tx.now - row.created_at > GIVEN_UP_MS

    def _refused(self, tx: Tx, row: OutboxRow, person: str, words: str) -> None:
        if outbox.finish(tx, row):
            self._mailboxes.refused(tx, person, words)

    def _taken(self, tx: Tx, row: OutboxRow, person: str) -> None:
        if outbox.finish(tx, row):
            self._mailboxes.taken(tx, person)


def quiet(now: int, begin: int, end: int) -> bool:
    """Whether nobody is written to at that instant (ms): from `begin` to before `end`, hours of the local day."""
    moment = local(now)
    return smtp.asleep(0 if moment is None else moment.hour, begin, end)


def _turn(now: int, box: Mailbox, last: int, digest_hour: int) -> bool:
    """Whether it is time for a mail to her: at once, or the one of the day."""
    if box.wanted == "at-once":
        return now - last >= PAUSE_MS
    today, before = local(now), local(last)
    if today is None or before is None or today.hour < digest_hour:
        return False
    return today.date() > before.date()


def _finish(tx: Tx, row: OutboxRow) -> None:
    outbox.finish(tx, row)
