"""Roots that are read late are still the roots."""

import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import connector, web

from connector.foundation.clock import SystemClock
from connector.foundation.http import late_roots
from connector.identity.trust.development import dev_ca

CONTEXTS = ("_SSL_CONTEXT_VERIFIED", "_SSL_CONTEXT_UNVERIFIED")


@pytest.fixture(autouse=True)
def as_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two contexts as aiohttp makes them, and the same again afterwards."""
    for name, verified in zip(CONTEXTS, (True, False), strict=True):
        monkeypatch.setattr(connector, name, connector._make_ssl_context(verified))


def held() -> list[int]:
    """Certificates in each of the two."""
    return [getattr(connector, name).cert_store_stats()["x509"] for name in CONTEXTS]


async def asked(url: str, **how: Any) -> int:
    async with aiohttp.ClientSession() as session, session.get(url, **how) as answer:
        return answer.status


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


@pytest.fixture
async def url(start: Any) -> str:
    return f"{await start(web.get('/hello', hello))}/hello"


async def test_roots_wait_for_somebody_who_wants_them(
    url: str, certs: dev_ca.DevelopmentCerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the system trusts the server's CA; a session without a context of its own << no root is held before it calls;
    it is answered, and from then on the roots are there."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certs.ca))
    late_roots.in_aiohttp()
    late_roots.in_aiohttp()
    assert held() == [0, 0]
    assert await asked(url) == 200
    assert held()[0] == 1


async def test_a_server_of_another_ca_is_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the system trusts somebody else << refused, and the same again with the roots read."""
    monkeypatch.setenv("SSL_CERT_FILE", str(dev_ca.create(tmp_path, SystemClock()).ca))
    late_roots.in_aiohttp()
    for _ in range(2):
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await asked(url)


async def test_who_asks_for_no_verification_has_none(url: str) -> None:
    """>> `ssl=False` << answered, as before."""
    late_roots.in_aiohttp()
    assert await asked(url, ssl=False) == 200


def test_nothing_else_is_demanded_than_before() -> None:
    """>> both contexts before and after << the same flags, options and versions."""

    def demands() -> list[tuple[Any, ...]]:
        found = [getattr(connector, name) for name in CONTEXTS]
        return [
            (one.check_hostname, one.verify_mode, one.verify_flags, one.options, one.minimum_version) for one in found
        ]

    before = demands()
    late_roots.in_aiohttp()
    assert demands() == before
    assert before[0][1] == ssl.CERT_REQUIRED
