"""The authority is asked over loopback: right answers are kept, and whatever else it does delays and spoils nothing."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from connector.dataspace.witness import timestamp_job, timestamps
from connector.dataspace.witness.timestamp_job import TimestampJob
from connector.foundation.errors import Mistake, PeerError, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.load import load
from connector.foundation.storage import Database, Tx
from connector.identity.audit import sealer, store
from connector.verify.formats import timestamp
from tests.testkit.patience import eventually
from tests.verify import authority as test_authority
from tests.verify.authority import Authority
from tests.verify.forge import PROVIDER, LogKey, root_of

pytest.importorskip("rfc3161_client", reason="no rfc3161-client: pip install '.[timestamps]'")
TOWNS = ("musterstadt", "nachbardorf")
KEYS = [LogKey()]
Misdeed = Callable[[bytes], web.StreamResponse]


class Served:
    """An authority behind HTTP; `misdeed` answers in its place."""

    def __init__(self, authority: Authority) -> None:
        self.authority, self.misdeed = authority, cast(Misdeed | None, None)
        self.hangs, self.asked, self.url, self.end = False, 0, "", asyncio.Event()
        self.wants = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Content-Type"] == timestamps.QUERY
        self.asked += 1
        if self.wants and request.headers.get("Authorization") != self.wants:
            return web.Response(status=401)
        query = await request.read()
        if self.hangs:
            await self.end.wait()
        if self.misdeed is not None:
            return self.misdeed(query)
        return web.Response(body=self.authority.reply(query), content_type=timestamps.REPLY)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    test_authority.openssl()
    there = Served(Authority(tmp_path / "tsa"))
    application = web.Application()
    application.router.add_post("/tsa", there.answer)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    there.url = f"http://127.0.0.1:{runner.addresses[0][1]}/tsa"
    yield there
    there.end.set()
    await runner.cleanup()


class Hosts:
    """Both towns as the directory gives them."""

    async def all(self) -> list[Any]:
        return [SimpleNamespace(participant=SimpleNamespace(id=slug)) for slug in TOWNS]


def stamper(db: Database, served: Served, every_s: float = 3600.0) -> TimestampJob:
    http = SafeClient(allow=["127.0.0.0/8"], insecure=True, total_s=60.0)
    place = timestamp_job.Authority(served.url, tuple(served.authority.roots))
    return TimestampJob(db, cast(Any, Hosts()), http, place, every_s)


@pytest.fixture
async def job(sqlite_db: Database, served: Served) -> AsyncIterator[TimestampJob]:
    made = stamper(sqlite_db, served)
    yield made
    await made.stop()


def add(tx: Tx, slug: str) -> None:
    store.append(tx, slug, "catalogue", None, "p-1", {}, did=PROVIDER)


async def grown(db: Database, slug: str) -> sealer.Batch:
    await db.write(slug, add, slug)
    batch = await sealer.seal(db, slug, root_of(PROVIDER), KEYS)
    assert batch is not None
    return batch


async def token(db: Database, slug: str, size: int = 1) -> bytes | None:
    return await db.read(slug, timestamps.of, slug, size)


async def test_each_log_gets_a_token_that_an_auditor_accepts(
    sqlite_db: Database, served: Served, job: TimestampJob
) -> None:
    """>> one query a log << a token over exactly the note that is kept; a second round asks nothing."""
    batches = {slug: await grown(sqlite_db, slug) for slug in TOWNS}
    await job.round()
    await job.round()
    assert served.asked == len(TOWNS)
    for slug, batch in batches.items():
        kept = await token(sqlite_db, slug)
        assert kept is not None
        assert batch.checkpoint is not None
        assert timestamp.check(kept, batch.checkpoint.encode(), served.authority.roots).authority == "CN=Zeitstempel"


async def test_two_replicas_keep_one_token(any_db: Database, served: Served) -> None:
    """>> both ask at the same time << two answers, one row; both go on."""
    await grown(any_db, TOWNS[0])
    replicas = [stamper(any_db, served) for _ in range(2)]
    await asyncio.gather(*(one.stamp(TOWNS[0]) for one in replicas))
    assert await token(any_db, TOWNS[0]) is not None
    for one in replicas:
        assert not await one.stamp(TOWNS[0])
        await one.stop()


def _location(_query: bytes) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})


MISDEEDS: list[tuple[Misdeed, type[Exception]]] = [
    (lambda _: web.Response(status=503), Unavailable),
    (lambda _: web.Response(status=429), Unavailable),
    (lambda _: web.Response(status=404), PeerError),
    (_location, PeerError),
    (lambda _: web.Response(body=b"<html>"), PeerError),
    (lambda _: web.Response(body=b""), PeerError),
    (lambda _: web.Response(body=bytes(timestamps.LONGEST + 1)), PeerError),
    (lambda query: web.Response(body=query), PeerError),
    (lambda _: web.Response(body=b"x", headers={"Content-Encoding": "gzip"}), PeerError),
]


@pytest.mark.threat("T49")
async def test_nothing_else_is_kept(sqlite_db: Database, served: Served, job: TimestampJob) -> None:
    """Redirects, pages, floods, echoes: no row; the next right answer is kept as if nothing had been."""
    await grown(sqlite_db, TOWNS[0])
    for number, (misdeed, error) in enumerate(MISDEEDS):
        served.misdeed = misdeed
        with pytest.raises(error):
            await job.stamp(TOWNS[0])
        await job.round()
        assert await token(sqlite_db, TOWNS[0]) is None, number
    served.misdeed = None
    await job.round()
    assert await token(sqlite_db, TOWNS[0]) is not None


@pytest.mark.threat("T49")
async def test_an_answer_from_yesterday_is_no_answer(sqlite_db: Database, served: Served, job: TimestampJob) -> None:
    """The same note, asked twice: the authority (or whoever is in between) repeats what it said first."""
    await grown(sqlite_db, TOWNS[0])
    said: list[bytes] = []

    def recorded(query: bytes) -> web.StreamResponse:
        said.append(said[0] if said else served.authority.reply(query))
        return web.Response(status=200 if len(said) > 1 else 503, body=said[-1])

    served.misdeed = recorded
    with pytest.raises(Unavailable):
        await job.stamp(TOWNS[0])
    with pytest.raises(PeerError, match=r"timestamps\.nonce"):
        await job.stamp(TOWNS[0])
    assert await token(sqlite_db, TOWNS[0]) is None


async def test_an_authority_that_says_nothing_is_waited_for_beside_everything_else(
    sqlite_db: Database, served: Served, job: TimestampJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`begin` returns at once, a second one starts no second round, and a round without end is cut off."""
    timers = list[asyncio.Timeout]()

    def kept(seconds: float) -> asyncio.Timeout:
        timers.append(asyncio.timeout(seconds))
        return timers[-1]

    monkeypatch.setattr(timestamp_job, "asyncio", SimpleNamespace(timeout=kept))
    await grown(sqlite_db, TOWNS[0])
    served.hangs = True
    await job.begin()
    first = job._aside._round
    await job.begin()
    assert first is not None
    assert job._aside._round is first
    await eventually(lambda: served.asked == 1)
    [timer] = timers
    timer.reschedule(asyncio.get_running_loop().time())
    await first
    assert timer.expired()
    assert served.asked == 1
    served.hangs = False
    await job.begin()
    assert job._aside._round is not None
    await job._aside._round
    assert await token(sqlite_db, TOWNS[0]) is not None


async def test_one_that_is_away_is_asked_once_a_round(sqlite_db: Database, served: Served, job: TimestampJob) -> None:
    """Both logs are due, the authority answers 503: the second log is not tried in vain."""
    for slug in TOWNS:
        await grown(sqlite_db, slug)
    served.misdeed = MISDEEDS[0][0]
    await job.round()
    assert served.asked == 1


async def test_a_refused_log_does_not_stand_in_the_way(sqlite_db: Database, served: Served, job: TimestampJob) -> None:
    """The first log's answer is wrong, the second one's right."""
    for slug in TOWNS:
        await grown(sqlite_db, slug)

    def once(query: bytes) -> web.StreamResponse:
        return web.Response(body=b"odd" if served.asked == 1 else served.authority.reply(query))

    served.misdeed = once
    await job.round()
    assert [await token(sqlite_db, slug) is not None for slug in TOWNS] == [False, True]


def settings(folder: Path, **timestamps: str) -> Any:
    """Settings with a section `timestamps`."""
    return load(folder, {f"HANSE_TIMESTAMPS__{name}".upper(): value for name, value in timestamps.items()})


def test_settings_that_cannot_be_meant_are_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No address: no job. No root, a bad file, an odd address or a missing library: said before anything runs."""
    authority = Authority(tmp_path / "tsa")
    (tmp_path / "root.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))
    (tmp_path / "odd.pem").write_text("nothing")
    url = "https://tsa.example/"
    assert timestamp_job.authority(settings(tmp_path)) is None
    named = timestamp_job.authority(settings(tmp_path, url=url, ca_files="root.pem"))
    assert named == timestamp_job.Authority(url, (authority.root,))
    for given, code in [
        ({"url": url}, "no-roots"),
        ({"url": url, "ca_files": "odd.pem"}, "ca-file"),
        ({"url": url, "ca_files": "gone.pem"}, "ca-file"),
        ({"url": "ftp://tsa.example/", "ca_files": "root.pem"}, "url"),
        ({"url": "https://user:secret@tsa.example/", "ca_files": "root.pem"}, "url"),
    ]:
        with pytest.raises(Mistake, match=rf"timestamps\.{code}"):
            timestamp_job.authority(settings(tmp_path, **given))
    monkeypatch.setattr(timestamps, "installed", lambda: False)
    with pytest.raises(Mistake, match=r"timestamps\.not-installed"):
        timestamp_job.authority(settings(tmp_path, url=url, ca_files="root.pem"))


@pytest.mark.threat("T23")
async def test_only_an_authority_named_so_is_called_without_tls(sqlite_db: Database, tmp_path: Path) -> None:
    """The client for an https authority does not call http, whatever it is given; no other client changes."""
    authority = Authority(tmp_path / "tsa")
    (tmp_path / "root.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))
    for url, plain in (("https://tsa.example/", False), ("HTTP://tsa.example/", True)):
        made = TimestampJob.of(settings(tmp_path, url=url, ca_files="root.pem"), sqlite_db, cast(Any, Hosts()))
        assert made is not None
        assert made._http.calls("http://tsa.example/") is plain
        assert not made._http.calls("http://127.0.0.1/")
        await made.stop()


def login(folder: Path, url: str, user: str, password: str) -> Any:
    """As an operator gives it: the password lies in a file."""
    (folder / "roots.pem").touch()
    (folder / "password").write_text(f"{password}\n")
    return settings(folder, url=url, ca_files="roots.pem", user=user, password_file=str(folder / "password"))


@pytest.mark.threat("T60")
async def test_who_asks_is_told_to_the_authority_alone(
    sqlite_db: Database, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a login in the settings << every query carries it; nothing that is shown does."""
    monkeypatch.setattr(timestamp_job, "_certificates", lambda path: served.authority.roots)
    told = timestamp_job.authority(login(tmp_path, "https://tsa.example/tsa", "stadt", "Geheim: ja"))
    assert told is not None
    assert dict(told.login) == {"Authorization": f"Basic {base64.b64encode(b'stadt:Geheim: ja').decode()}"}
    assert not any(secret in repr(told) for secret in ("Geheim", "Basic", told.login["Authorization"][6:]))
    served.wants = told.login["Authorization"]
    await grown(sqlite_db, "musterstadt")
    job = stamper(sqlite_db, served)
    with pytest.raises(Unavailable, match=r"timestamps\.not-let-in"):
        await job.stamp("musterstadt")
    job._authority = job._authority._replace(login=told.login)
    assert await job.stamp("musterstadt")
    await job.stop()


@pytest.mark.threat("T60")
@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("http://tsa.example", "stadt", "geheim"),
        ("HTTP://tsa.example", "stadt", "geheim"),
        ("https://tsa.example", "stadt", ""),
        ("https://tsa.example", "", "geheim"),
        ("https://tsa.example", "stadt:amt", "geheim"),
        ("https://tsa.example", "stadt", "zwei\nZeilen"),
    ],
)
def test_a_login_that_is_half_or_would_be_read_on_its_way_stops_the_start(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, user: str, password: str
) -> None:
    monkeypatch.setattr(timestamp_job, "_certificates", lambda path: served.authority.roots)
    with pytest.raises(Mistake, match=r"timestamps\.login") as found:
        timestamp_job.authority(login(tmp_path, url, user, password))
    assert "geheim" not in str(found.value)
