"""The same sign-in at Keycloak, the identity provider of many towns' service providers. In the long run alone.

Skipped by name without Java or Maven; the distribution is fetched once into the cache, and made ready there once: a
first start builds the server and its database and takes three times what every later one does.
"""

import hashlib
import html
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import urlopen

import aiohttp
import pytest
from yarl import URL

from connector.data.approvals.departed import Departures
from connector.foundation.clock import SystemClock
from connector.foundation.errors import Unauthenticated, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Oidc, Secret
from connector.identity.accounts.oidc.flow import ExternalSignIn
from connector.identity.accounts.oidc.provider import Provider
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from connector.identity.accounts.sessions import Sessions
from connector.identity.trust.keys.vault import Vault
from tests.cities.sharing import free_port
from tests.conformance import maven
from tests.identity.accounts.people import DESK, KEY, PASSWORD, TOWN
from tests.testkit.towns import Towns

VERSION = "26.7.3"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
START_S, FETCH_S = 300, 600
REDIRECT = "http://localhost:1/sign-in/external/answer"
REALM = {
    "realm": "town",
    "enabled": True,
    "sslRequired": "none",
    "groups": [{"name": "rathaus"}],
    "clients": [
        {
            "clientId": "hanse",
            "secret": "ge:heim",
            "redirectUris": [REDIRECT],
            "standardFlowEnabled": True,
            "publicClient": False,
            "protocol": "openid-connect",
            "attributes": {"pkce.code.challenge.method": "S256"},
            "protocolMappers": [
                {
                    "name": "groups",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-group-membership-mapper",
                    "config": {"full.path": "false", "id.token.claim": "true", "claim.name": "groups"},
                }
            ],
        }
    ],
    "users": [
        {
            "username": "petra",
            "enabled": True,
            "email": "petra@musterstadt.de",
            "emailVerified": True,
            "firstName": "Petra",
            "lastName": "Muster",
            "groups": ["/rathaus"],
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
        }
    ],
}
pytestmark = [pytest.mark.long, pytest.mark.threat("T88")]


def distribution() -> Path:
    """The zip in the cache; raises Unavailable with what is missing."""
    maven.java(os.environ)
    folder = maven.cache(os.environ) / f"keycloak-{VERSION}"
    found = folder / f"keycloak-quarkus-dist-{VERSION}.zip"
    if not found.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = [maven.maven(os.environ), "-q", "-B", "-C", COPY, f"-Dartifact={ARTIFACT}"]
        command.append(f"-DoutputDirectory={folder}")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_S)
        if done.returncode:
            raise Unavailable("conformance.unresolved", reason=(done.stdout + done.stderr)[-300:])
    return found


def prepared() -> Path:
    """The server in the cache, as its first start with this realm left it; raises Unavailable."""
    packed = distribution()
    edition = hashlib.sha256(json.dumps([VERSION, REALM]).encode()).hexdigest()[:12]
    made = packed.with_name(f"town-{edition}")
    if not made.is_dir():
        with tempfile.TemporaryDirectory(dir=packed.parent) as beside:
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(beside)
            home = Path(beside, f"keycloak-{VERSION}")
            (home / "data/import").mkdir(parents=True)
            (home / "data/import/town.json").write_text(json.dumps(REALM), encoding="utf-8")
            with started(home, "--import-realm"):
                pass
            with suppress(OSError):  # another run was faster
                home.rename(made)
    return made


@contextmanager
def started(home: Path, *more: str) -> Iterator[str]:
    """The issuer's address; the server has ended in good order with the context."""
    port, other = free_port(), free_port()
    command = [
        "sh",
        str(home / "bin/kc.sh"),
        "start-dev",
        "--http-host=127.0.0.1",
        f"--http-port={port}",
        f"--http-management-port={other}",
        *more,
    ]
    url, log = f"http://127.0.0.1:{port}/realms/town", home / "log"
    with log.open("wb") as said:
        environ = {**os.environ, "JAVA_OPTS_APPEND": maven.QUICKLY}
        child = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, env=environ)
    try:
        _wait(url, child, log)
        yield url
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(START_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(20)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        ready = prepared()
    except Unavailable as why:
        pytest.skip(f"Keycloak: {why}; apt-get install maven openjdk-17-jdk-headless")
    home = tmp_path_factory.mktemp("keycloak") / "home"
    shutil.copytree(ready, home)
    try:
        with started(home) as url:
            yield url
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait(url: str, child: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert child.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            with urlopen(f"{url}/.well-known/openid-configuration", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


async def typed(url: str) -> dict[str, str]:
    """What comes back once Petra has typed name and password on Keycloak's page."""
    there = URL(url, encoded=True)
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=there.origin())  # as browsers do on loopback
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.get(there) as page:
            form = re.search(r'action="([^"]+)"', await page.text())
            assert form is not None
        fields = {"username": "petra", "password": PASSWORD, "credentialId": ""}
        sent = URL(html.unescape(form[1]), encoded=True)
        async with session.post(sent, data=fields, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            location = answer.headers["Location"]
    assert location.startswith(REDIRECT)
    return dict(parse_qsl(urlsplit(location).query))


async def test_a_person_of_a_town_signs_in(towns: Towns, issuer: str) -> None:
    """>> Petra, by name and password there << here with the role of her group; replayed or mixed up: refused."""
    http, clock = SafeClient(allow=["127.0.0.0/8"], insecure=True, total_s=60), SystemClock()
    roles = ("rathaus = musterstadt steward",)
    settings = Oidc(issuer=issuer, client_secret=Secret("ge:heim"), roles=roles, acr=("1",))

    def made(**given: Any) -> ExternalSignIn:
        people = People(towns.db, towns.participants, Passwords(memory_kib=8), Departures(towns.participants))
        return ExternalSignIn(towns.db, Vault(KEY), clock, Provider(settings, http, clock), people, settings, REDIRECT)

    it = made()
    try:
        begun = await it.begin("/t/musterstadt/")
        answer = await typed(begun.url)
        assert {"code", "state", "iss"} <= answer.keys()
        opened, back = await it.finish(answer, begun.cookie, DESK)
        signed = await Sessions(towns.db).session(opened.cookie)
        assert signed is not None
        assert (signed.name, signed.roles, back) == ("Petra Muster", {TOWN: {"steward"}}, "/t/musterstadt/")
        with pytest.raises(Unauthenticated):
            await made().finish(answer, begun.cookie, DESK)
        again = await it.begin("/")
        mixed = {**await typed(again.url), "code": answer["code"]}
        with pytest.raises(Unauthenticated):
            await it.finish(mixed, again.cookie, DESK)
    finally:
        await http.close()
