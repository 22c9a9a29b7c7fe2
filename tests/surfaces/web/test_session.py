"""The cookie, the language, and addresses to go back to."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from connector.surfaces.web.session import LANGUAGE, Cookies, language, local


@pytest.mark.parametrize(
    ("header", "cookie", "lang"),
    [
        ("", "", "de"),
        ("en", "", "en"),
        ("de-AT, en;q=0.9", "", "de"),
        ("fr, en;q=0.3, de;q=0.2", "", "en"),
        ("*", "", "de"),
        ("en;q=0", "", "de"),
        ("en;q=nan, de;q=0.1", "", "de"),
        ("en", "de", "de"),
        ("de", "en", "en"),
        ("de", "xx", "de"),
    ],
)
def test_which_language(header: str, cookie: str, lang: str) -> None:
    headers = {"Accept-Language": header, **({"Cookie": f"{LANGUAGE}={cookie}"} if cookie else {})}
    assert language(make_mocked_request("GET", "/", headers=headers)) == lang


@pytest.mark.threat("T28")
def test_the_cookie_is_bound_to_its_host() -> None:
    """>> https; this computer << `__Host-` and Secure; a name with the port."""
    assert Cookies("https://desk.musterstadt.example").name.startswith("__Host-")
    assert Cookies("https://desk.musterstadt.example").secure
    assert Cookies("http://localhost:8123").name == "hanse-session-8123"


@pytest.mark.threat("T28")
@pytest.mark.parametrize("origin", ["https://desk.musterstadt.example", "http://localhost:8123"])
def test_no_cookie_is_read_by_a_script_or_sent_from_elsewhere(origin: str) -> None:
    """>> what is given, kept and dropped, each by its own way << HttpOnly, SameSite, the whole path, no domain; Secure
    wherever the desk is on HTTPS; a session ends with the browser."""
    cookies, response = Cookies(origin), web.Response()
    cookies.keep_session(response, "one")
    cookies.keep(response, "browser", "two", 60)
    cookies.drop(response, "second")
    cookies.speak(response, "en")
    assert len(response.cookies) == 4
    for cookie in response.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
        assert bool(cookie["secure"]) is cookies.secure
    assert not response.cookies[cookies.name].get("max-age")


@pytest.mark.threat("T28")
def test_an_address_to_go_back_to() -> None:
    assert local("/t/musterstadt/contracts?page=2#top") == "/t/musterstadt/contracts?page=2#top"
    for foreign in ("", "x", "//x", "///x", "/\\x", "http://x", "/\n/x", "/" + "x" * 2000, "/\u202ex"):
        assert local(foreign) == "/", foreign
