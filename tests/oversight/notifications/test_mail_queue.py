"""Mails: once per person and note, in her time, by a queue that goes on trying; never a stranger's word in a header."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import pytest
from msgspec.structs import replace

from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.settings.load import Mail
from connector.foundation.storage import outbox
from connector.foundation.storage.database import PROCESS, WORKER, Tx
from connector.identity.accounts import store as people
from connector.identity.accounts.mailboxes import Mailboxes
from connector.oversight.notifications import smtp, store
from connector.oversight.notifications.mail_queue import MAIL, MailQueue, quiet
from connector.oversight.notifications.message import message
from connector.oversight.notifications.model import Notification
from tests.oversight.notifications.mail_server import MailServer, mail_server
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import Towns

TOWN = "musterstadt"
DESK = "https://schreibtisch.example"
EVIL = "Bäume\r\nBcc: alle@dorf.example\r\n\r\n<b>https://boese.example</b>"


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as made:
        yield made


class Post:
    """Anna, steward of Musterstadt, her mailbox, and the queue."""

    def __init__(self, towns: Towns, server: MailServer) -> None:
        self.towns, self.db, self.boxes = towns, towns.db, Mailboxes()
        mail = Mail(
            host="127.0.0.1",
            port=server.port,
            tls="none",
            sender="hanse@musterstadt.example",
            quiet_from=0,
            quiet_until=0,
            digest_hour=0,
        )
        self.queue = MailQueue(self.db, towns.participants, self.boxes, mail, lambda: DESK)
        towns.handlers[MAIL] = self.queue.deliver
        self.person = ""

    async def wants(self, wanted: str) -> None:
        self.person = await self.db.write(PROCESS, lambda tx: people.add(tx, "anna", "Anna Beispiel", operator=False))
        await self.db.write(TOWN, lambda tx: people.grant(tx, TOWN, self.person, "steward", "somebody"))
        await self.db.write(PROCESS, self.boxes.put, self.person, "anna@musterstadt.example", wanted)

    async def note(self, name: str, **more: Any) -> None:
        base: dict[str, Any] = {
            "name": name,
            "cause": "failed",
            "subject": name,
            "audience": frozenset({"steward"}),
            "facts": {"title": EVIL, "partner": "Nachbardorf"},
        }
        await self.db.write(TOWN, lambda tx: store.add(tx, TOWN, Notification(**{**base, "at": tx.now, **more})))

    async def sent(self) -> None:
        await self.queue.queue()
        await self.towns.run()

    async def box(self) -> Any:
        return await self.db.read(PROCESS, self.boxes.of, self.person)

    async def later(self, ms: int) -> None:
        """As if all mails so far had gone out so long ago."""
        await self.db.write(TOWN, lambda tx: tx.run("UPDATE notification_mail SET at = at - :ms", ms=ms))


@pytest.fixture
async def post(towns: Towns, server: MailServer) -> Post:
    return Post(towns, server)


@pytest.mark.threat("T94")
async def test_a_mail_and_what_stands_in_its_head(post: Post, server: MailServer) -> None:
    """>> a delivery failed, whose title is a peer's attempt at headers << one mail, its head ours alone, plain text."""
    await post.wants("at-once")
    await post.note("failed:1")
    await post.sent()
    (mail,) = server.mails
    assert mail["Subject"] == "Hanse: Hinweise für Sie (1)"
    assert (mail["To"], mail["From"]) == ("anna@musterstadt.example", "hanse@musterstadt.example")
    assert sorted(name.lower() for name in mail) == [
        "auto-submitted",
        "content-transfer-encoding",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "subject",
        "to",
    ]
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content()
    assert "„Bäume Bcc: alle @dorf. example <b>https: //boese. example</b>“" in text
    assert f"{DESK}/t/musterstadt/deliveries" in text
    assert "Anna" not in mail.as_string()
    assert sum(line.lower().startswith("rcpt") for line in server.lines) == 1


@pytest.mark.threat("T94")
async def test_nothing_twice(post: Post, server: MailServer) -> None:
    """>> the job again, on two replicas, and again later << one mail; what is new comes in the next, not sooner than in
    a quarter of an hour."""
    await post.wants("at-once")
    await post.note("failed:1")
    await post.queue.queue()
    await post.queue.queue()
    await post.towns.run()
    await post.note("failed:2")
    await post.sent()
    assert len(server.mails) == 1
    await post.later(900_000)
    await post.sent()
    await post.sent()
    assert [mail["Subject"] for mail in server.mails] == ["Hanse: Hinweise für Sie (1)"] * 2


async def test_one_mail_a_day(post: Post, server: MailServer) -> None:
    await post.wants("daily")
    for number in (1, 2):
        await post.note(f"failed:{number}")
    await post.sent()
    await post.note("failed:3")
    await post.sent()
    assert [mail["Subject"] for mail in server.mails] == ["Hanse: Hinweise für Sie (2)"]
    await post.later(86_400_000)
    await post.sent()
    assert len(server.mails) == 2


async def test_whoever_wants_none_or_has_read_it_gets_none(post: Post, server: MailServer) -> None:
    await post.wants("off")
    await post.note("failed:1")
    await post.sent()
    await post.db.write(PROCESS, post.boxes.put, post.person, "anna@musterstadt.example", "at-once")
    who = (await post.db.read(TOWN, lambda tx: people.members(tx, TOWN)))[0].pseudonym
    await post.db.write(TOWN, store.note_read, TOWN, who, ["failed:1"])
    await post.sent()
    assert server.mails == []


@pytest.mark.on_both
async def test_what_the_server_says_is_kept(post: Post, server: MailServer) -> None:
    """>> 550 << not tried again, and she sees the server's words; the next mail that is taken clears them."""
    await post.wants("at-once")
    server.answers.append("550 5.1.1 <anna> unknown\x1b[31m here")
    await post.note("failed:1")
    await post.sent()
    box = await post.box()
    assert box.refusal == "550 5.1.1 <anna> unknown [31m here"
    await post.towns.hurry()
    assert server.mails == []
    await post.note("failed:2")
    await post.later(900_000)
    await post.sent()
    assert len(server.mails) == 1
    assert (await post.box()).refusal == ""


async def test_a_busy_server_is_asked_again(post: Post, server: MailServer) -> None:
    """>> 451 << the row waits >> later << taken."""
    await post.wants("at-once")
    server.answers.append("451 later")
    await post.note("failed:1")
    await post.sent()
    assert server.mails == []
    await post.towns.hurry()
    assert len(server.mails) == 1


@pytest.mark.on_both
async def test_after_three_days_it_is_given_up(post: Post, server: MailServer) -> None:
    await post.wants("at-once")
    await post.note("failed:1")
    await post.queue.queue()
    await post.db.write(WORKER, lambda tx: tx.run("UPDATE outbox SET created_at = created_at - 300000000"))
    server.answers.append("451 later")
    await post.towns.run()
    assert (await post.box()).refusal == "notifications.mail-later"
    waits = await post.db.read(WORKER, outbox.waits, TOWN, f"{MAIL}:{TOWN}:{post.person}")
    assert not waits


@pytest.mark.on_both
@pytest.mark.threat("T94")
async def test_no_row_holds_an_address(post: Post, server: MailServer) -> None:
    """>> all rows and records of the participant << the address stands in none of them."""
    await post.wants("at-once")
    await post.note("failed:1")
    await post.queue.queue()

    def seen(tx: Tx) -> str:
        tables = ("outbox", "notification", "notification_mail", "audit_entry")
        return repr([tx.all(f"SELECT * FROM {table}") for table in tables])

    assert "anna@" not in await post.db.read(TOWN, seen)


NO_ADDRESSES = (
    "",
    "anna",
    "a@b\r\nRCPT TO:<x@y.de>",
    "anna <a@b.de>",
    "a b@c.de",
    "a@[127.0.0.1]",
    '"a"@b.de',
    "ä@b.de",
    "a@b.de,c@d.de",
)


@pytest.mark.threat("T94")
async def test_what_is_no_address(post: Post) -> None:
    await post.wants("off")
    for address in NO_ADDRESSES:
        with pytest.raises(Mistake, match=r"accounts\.mail-"):
            await post.db.write(PROCESS, post.boxes.put, post.person, address, "daily")


@pytest.mark.threat("T94")
async def test_a_mail_server_that_hangs_stops_nothing_but_mails(post: Post) -> None:
    """>> forty mails to a server that says nothing << two of them wait for it; other work on threads goes on."""
    asked, free = list[str](), threading.Event()

    def hang(mail: Mail, to: str, message: EmailMessage) -> None:
        asked.append(to)
        free.wait()

    queue = MailQueue(post.db, post.towns.participants, post.boxes, Mail(host="x"), lambda: DESK, hang)
    sending = [asyncio.create_task(queue._sent(f"{number}@a.de", EmailMessage())) for number in range(40)]
    try:
        while len(asked) < 2:
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            assert await asyncio.to_thread(len, asked) == 2
    finally:
        free.set()
        await asyncio.gather(*sending)
    assert len(asked) == 40


async def test_a_server_that_is_away_is_not_asked_by_each_mail(post: Post) -> None:
    """>> two mails, the server cannot be reached << one attempt, the other waits without one."""
    asked = list[str]()

    def away(mail: Mail, to: str, message: EmailMessage) -> None:
        asked.append(to)
        raise Unavailable(smtp.AWAY, host="x")

    queue = MailQueue(post.db, post.towns.participants, post.boxes, Mail(host="x"), lambda: DESK, away)
    for to in ("a@a.de", "b@a.de"):
        with pytest.raises(Unavailable, match=r"notifications\.mail-away"):
            await queue._sent(to, EmailMessage())
    assert asked == ["a@a.de"]


@pytest.mark.threat("T94")
async def test_a_server_without_encryption_gets_nothing(server: MailServer) -> None:
    """>> STARTTLS is wanted and not offered << nothing but a greeting was said."""
    mail = Mail(host="127.0.0.1", port=server.port, sender="hanse@a.example", user="u")
    one = Notification(name="x", cause="failed", subject="", facts={}, audience=frozenset(), at=0)
    made = message([one], "de", sender=mail.sender, to="a@b.de", desk=DESK, participant=TOWN, name="M", at=0)
    with pytest.raises(Unavailable, match=r"notifications\.mail-tls"):
        await asyncio.to_thread(smtp.send, mail, "a@b.de", made)
    assert server.lines == ["ehlo " + server.lines[0].partition(" ")[2]]


@pytest.mark.threat("T94")
def test_settings_that_would_show_mails_to_others() -> None:
    smtp.checked(Mail())
    fine = Mail(host="localhost", tls="none", sender="hanse@a.example")
    smtp.checked(fine)
    for wrong in (
        replace(fine, host="mail.example"),
        replace(fine, sender="nobody"),
        replace(fine, sender="a@b\r\nX: y"),
        replace(fine, digest_hour=20),  # from 20 o'clock until midnight nobody is written to: never
    ):
        with pytest.raises(Mistake):
            smtp.checked(wrong)


@pytest.mark.parametrize(
    ("hour", "asleep"), [(6, True), (7, False), (12, False), (19, False), (20, True), (23, True), (0, True)]
)
def test_quiet_hours_are_those_of_berlin(hour: int, asleep: bool) -> None:
    """Summer: Berlin is two hours ahead of UTC."""
    at = 1_784_073_600_000 + (hour - 2) * 3_600_000  # 2026-07-15 00:00 UTC
    assert quiet(at, 20, 7) is asleep


LEADING = (
    "https://boese.example/x",
    "ftp://boese.example",
    "Www.boese.example",
    "wWw.1boese.example",
    "boese.example/a",
    "anna@boese.example",
    "mailto:a@boese.example",
)


@pytest.mark.threat("T94")
def test_bug_a_partners_words_became_links_in_mail_programs() -> None:
    """>> addresses, hosts and mailboxes as the title of a partner's data << no mail program takes one for a link."""
    for title in LEADING:
        one = Notification(
            name="x", cause="failed", subject="", facts={"title": title, "partner": title}, audience=frozenset(), at=0
        )
        made = message([one], "de", sender="a@b.de", to="a@b.de", desk=DESK, participant=TOWN, name="M", at=0)
        said = made.get_content().replace(DESK, "")
        assert "boese" in said
        assert re.search(r"://|www\.|\w@|\w\.[^\W\d_]", said, re.IGNORECASE) is None, said
