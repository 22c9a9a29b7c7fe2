"""Who is signed in, and what the browser keeps: one cookie that names the session, one with the language.

A page knows a person only by what `Sessions` says of the cookie; how one signs in is another room's matter. Over HTTPS
cookies are bound to this host alone (`__Host-`); over plain HTTP, which is for this computer, they bear the port in
their name, because browsers send the cookies of one host to all its ports (spec/desk.md 1.3).
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

from aiohttp import web
from msgspec import Struct

from connector.foundation.http import strict
from connector.foundation.storage.database import Still
from connector.identity.accounts.model import ROLES, SignedIn

READERS: Final = ROLES
"""Every role at a participant reads its pages."""
Lang = Literal["de", "en"]
LANGUAGES: Final[Mapping[str, Lang]] = {"de": "de", "en": "en"}
LANGUAGE: Final = "hanse-language"
"""The cookie."""
KNOWN: Final = "browser"
"""Of the cookie by which a browser is known in which somebody signed in before."""
_LONGEST: Final = 200
_YEAR_S: Final = 31_536_000


class Sessions(Protocol):
    async def session(self, cookie: str) -> SignedIn | None:
        """The person of the session that this cookie names; None if there is none, or none any more."""

    def still(self, cookie: str, permitted: Callable[[SignedIn], None]) -> Still:
        """What each transaction asks that writes for her; see `accounts.sessions.Sessions.still`."""

    async def knows(self, browser: str) -> bool:
        """Whether somebody has signed in before in the browser that has this secret."""


class Cookies(Struct, frozen=True):
    """Where the session's name is kept in a browser; `origin` is the address of the desk."""

    origin: str

    @property
    def secure(self) -> bool:
        return self.origin.startswith("https:")

    @property
    def name(self) -> str:
        return self._named("session")

    def read(self, request: web.Request) -> str:
        """Empty if there is none, or one that cannot be ours."""
        return self.held(request, "session")

    def held(self, request: web.Request, what: str, longest: int = _LONGEST) -> str:
        """The same for what else the browser keeps: `browser`, `second`, `external`."""
        value = request.cookies.get(self._named(what), "")
        return value if len(value) <= longest and value.isascii() else ""

    def keep(self, response: web.StreamResponse, what: str, value: str, seconds: int) -> None:
        response.set_cookie(
            self._named(what), value, path="/", max_age=seconds, secure=self.secure, httponly=True, samesite="Lax"
        )

    def drop(self, response: web.StreamResponse, what: str) -> None:
        response.del_cookie(self._named(what), path="/", secure=self.secure, httponly=True, samesite="Lax")

    def _named(self, what: str) -> str:
        return f"__Host-hanse-{what}" if self.secure else f"hanse-{what}-{urlsplit(self.origin).port or 80}"

    def keep_session(self, response: web.StreamResponse, value: str) -> None:
        """Until the browser is closed; how long a session lasts is decided on our side."""
        response.set_cookie(self.name, value, path="/", secure=self.secure, httponly=True, samesite="Lax")

    def drop_session(self, response: web.StreamResponse) -> None:
        self.drop(response, "session")

    def speak(self, response: web.StreamResponse, lang: Lang) -> None:
        response.set_cookie(
            LANGUAGE, lang, path="/", max_age=_YEAR_S, secure=self.secure, httponly=True, samesite="Lax"
        )


def language(request: web.Request, own: str = "") -> Lang:
    """What was chosen in this browser, else by this person, else what `Accept-Language` prefers; else German."""
    chosen = LANGUAGES.get(request.cookies.get(LANGUAGE, "")) or LANGUAGES.get(own)
    if chosen is not None:
        return chosen
    liked: dict[str, float] = {}
    for part in request.headers.get("Accept-Language", "")[:1000].split(","):
        tag, _, quality = part.strip().lower().partition(";q=")
        liked[tag.partition("-")[0]] = max(liked.get(tag.partition("-")[0], 0.0), _quality(quality))
    return "en" if liked.get("en", 0.0) > liked.get("de", liked.get("*", 0.0)) else "de"


def _quality(text: str) -> float:
    """RFC 9110, 12.4.2: at most three decimals."""
    if not text:
        return 1.0
    return float(text) if len(text) <= 5 and text.replace(".", "", 1).isdecimal() and text.isascii() else 0.0


def local(text: str) -> str:
    """A path of this desk as an address to go back to; the start page for everything else (no open redirect)."""
    if not text.startswith("/") or text.startswith("//") or "\\" in text or len(text) > 2000 or strict.steers(text):
        return "/"
    if any(sign in text for sign in "\t\r\n"):
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc else text
