"""Reading of forms: fields in their order, files in pieces, tokens of one session, address and time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from msgspec import Struct

from connector.foundation.errors import HanseError, Mistake, PeerError
from connector.surfaces.web import forms
from connector.surfaces.web.forms import FIELDS, LARGEST, LIFE_MS, Form, checked, token

KEY, NOW = b"k" * 32, 1_795_000_000_000
FORM = "application/x-www-form-urlencoded"
MULTI = "multipart/form-data; boundary=x"


class Wish(Struct, frozen=True):
    title: str
    count: int = 1
    themes: tuple[str, ...] = ()
    public: bool = False


def test_a_form_is_read_as_a_struct() -> None:
    """>> texts, numbers, several ticks, empty fields << values; empty ones as not filled in."""
    form = Form((("title", " Bäume "), ("count", "3"), ("themes", "a"), ("themes", "b"), ("public", "true")))
    assert form.read(Wish) == Wish("Bäume", 3, ("a", "b"), True)
    assert Form((("title", "x"), ("count", ""))).read(Wish) == Wish("x")
    for wrong, where in ((Form((("count", "3"),)), "title"), (Form((("title", "x"), ("count", "drei"))), "count")):
        with pytest.raises(Mistake) as refused:
            wrong.read(Wish)
        assert refused.value.facts == {"pointer": where}


@pytest.mark.threat("T28")
@pytest.mark.threat("T84")
def test_a_form_comes_from_a_page_of_ours_by_the_word_of_the_browser() -> None:
    """>> `Origin`, or in its absence `Sec-Fetch-Site`, of our page; another one's, a page above or beside ours, none
    << taken; refused."""
    here = "https://desk.town.example"
    for said in ({"Origin": here}, {"Origin": here.upper()}, {"Sec-Fetch-Site": "same-origin"}):
        forms.from_here(make_mocked_request("POST", "/", said), here)
    for said in (
        {},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": f"{here}.evil.example"},
        {"Origin": "https://town.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": f"{here}:8443"},
        {"Origin": here.replace("https", "http")},
    ):
        with pytest.raises(PeerError, match=r"web\.foreign"):
            forms.from_here(make_mocked_request("POST", "/", said), here)


@pytest.mark.threat("T28")
def test_a_token_belongs_to_one_session_address_and_time() -> None:
    given = token(KEY, "/t/a/do", NOW)
    assert checked(KEY, "/t/a/do", given, NOW + LIFE_MS) == given.split(".")[0]
    name, at, mac = given.split(".")
    for key, address, said, now in (
        (b"other", "/t/a/do", given, NOW),
        (KEY, "/t/b/do", given, NOW),
        (KEY, "/t/a/do", given, NOW + LIFE_MS + 1),
        (KEY, "/t/a/do", given, NOW - 120_000),
        (KEY, "/t/a/do", f"x{name}.{at}.{mac}", NOW),
        (KEY, "/t/a/do", f"{name}.{at}0.{mac}", NOW),
        (KEY, "/t/a/do", f"{name}.{at}", NOW),
        (KEY, "/t/a/do", "", NOW),
        (KEY, "/t/a/do", "ä.b.c", NOW),
        (KEY, "/t/a/do", f"..{mac}", NOW),
    ):
        with pytest.raises(Mistake):
            checked(key, address, said, now)
    assert token(KEY, "/t/a/do", NOW) != given


Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def door() -> AsyncIterator[Client]:
    """A form that tells what it read: fields, and of a file its name and how many bytes came."""

    async def told(request: web.Request) -> web.Response:
        try:
            form = await forms.read(request)
            size = -1 if form.upload is None else sum([len(piece) async for piece in form.upload.pieces()])
        except HanseError as error:
            return web.json_response([error.status, error.code])
        return web.json_response([form.fields, "" if form.upload is None else form.upload.name, size])

    app = web.Application()
    app.router.add_post("/", told)
    async with TestClient(TestServer(app)) as client:
        yield client


async def sent(door: Client, body: bytes, media: str) -> list[Any]:
    async with door.post("/", data=body, headers={"Content-Type": media}) as answer:
        found: list[Any] = await answer.json()
        return found


def part(name: str, value: bytes, file: str = "") -> bytes:
    more = f'; filename="{file}"' if file else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


async def test_what_a_form_is_read_as(door: Client) -> None:
    """>> fields in their order, twice of one name, line breaks of Windows; a file behind them; nothing at all."""
    assert await sent(door, b"a=1&b=x%0D%0Ay&a=%C3%A4", FORM) == [[["a", "1"], ["b", "x\ny"], ["a", "ä"]], "", -1]
    assert await sent(door, b"", FORM) == [[], "", -1]
    body = part("a", "ä".encode()) + part("file", b"x" * 300_000, "Bäume.csv") + part("late", b"1") + b"--x--\r\n"
    assert await sent(door, body, MULTI) == [[["a", "ä"]], "Bäume.csv", 300_000]
    body = part("file", b"1", "a.csv").replace(b"a.csv", b"\xff.csv") + b"--x--\r\n"
    assert await sent(door, body, MULTI) == [[], "?.csv", 1]


@pytest.mark.threat("T84")
async def test_what_is_no_form_is_refused(door: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug: headers of a part that are none were a defect of ours. >> other media, too much, too many, NUL, no UTF-8,
    half a form, one within another, broken headers << its status, and no more."""
    nested = part("n", b"--y--").replace(b"Content-Disp", b"Content-Type: multipart/mixed; boundary=y\r\nContent-Disp")
    for body, media, status in (
        (b"{}", "application/json", 415),
        (b"a=" + b"x" * LARGEST, FORM, 413),
        (b"&".join([b"a=1"] * (FIELDS + 1)), FORM, 400),
        (b"a=%00", FORM, 400),
        (b"a=%FF", FORM, 400),
        (b"novalue", FORM, 400),
        (b"a" * 201 + b"=1", FORM, 400),
        (part("a", b"x" * (LARGEST + 1)) + b"--x--\r\n", MULTI, 413),
        (b"".join(part("a", b"1") for _ in range(FIELDS + 1)) + b"--x--\r\n", MULTI, 400),
        (part("a", b"\xff") + b"--x--\r\n", MULTI, 400),
        (nested + b"--x--\r\n", MULTI, 400),
        (b"no boundary at all", MULTI, 400),
        (part("a", b"1")[:-20], MULTI, 400),
        (b"", "multipart/form-data", 400),
        (b"a%0Ab=1", FORM, 400),
        (b"--x\r\nContent-Dis", MULTI, 400),
        (b"--x\r\nX: " + b"a" * 9_000 + b"\r\n\r\n1\r\n--x--\r\n", MULTI, 400),
        (b"--x\r\n" + b"X: a\r\n" * 5_000 + b"\r\n1\r\n--x--\r\n", MULTI, 400),
        (b"--x\r\nno header\r\n\r\n1\r\n--x--\r\n", MULTI, 400),
        (part("_charset_", b"x" * 100) + b"--x--\r\n", MULTI, 400),
        (part("a", b"1").replace(b'"a"', b'"\xff"') + b"--x--\r\n", MULTI, 400),
    ):
        assert (await sent(door, body, media))[0] == status, (body[:60], media)


@pytest.mark.threat("T84")
async def test_a_form_that_drips_is_not_waited_for(door: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the beginning of a form, or of a file, and then silence, or a byte now and then << 408.

    Bug: each piece of a file had half a minute, so one byte in each kept a place for days."""
    monkeypatch.setattr("connector.foundation.http.incoming.BODY_S", 0.05)

    async def silent(beginning: bytes) -> AsyncIterator[bytes]:
        yield beginning
        await asyncio.Event().wait()

    async def dripping(beginning: bytes) -> AsyncIterator[bytes]:
        yield beginning
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    for beginning in (b"--x\r\nContent-Disp", part("a", b"1"), part("file", b"x" * 70_000, "a.csv")[:-2]):
        for how in (silent, dripping):
            async with door.post("/", data=how(beginning), headers={"Content-Type": MULTI}) as answer:
                assert (await answer.json())[0] == 408, (how, beginning[:40])
