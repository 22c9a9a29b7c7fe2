"""The same sign-in at an issuer that others wrote: npm `oidc-provider`. Skipped by name without Node."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm
from yarl import URL

from connector.data.approvals.departed import Departures
from connector.foundation.clock import SystemClock
from connector.foundation.errors import Unauthenticated
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Oidc, Secret
from connector.identity.accounts.oidc.flow import ExternalSignIn
from connector.identity.accounts.oidc.provider import Provider
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from connector.identity.accounts.sessions import Sessions
from connector.identity.trust.keys.vault import Vault
from tests.desk import npm_tools
from tests.identity.accounts.people import DESK, KEY, TOWN
from tests.testkit.towns import Towns

REDIRECT = "http://localhost:1/sign-in/external/answer"
PROGRAM = Path(__file__).with_name("provider.mjs")
STEPS = 12
pytestmark = [pytest.mark.threat("T88"), pytest.mark.long]


class Running(NamedTuple):
    issuer: str
    key: Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    node = shutil.which("node")
    if node is None or (why := npm_tools.missing()) is not None:
        pytest.skip(f"oidc-provider: {'no Node: apt-get install nodejs npm' if node is None else why}")
    folder = tmp_path_factory.mktemp("provider")
    (folder / "node_modules").symlink_to(npm_tools.MODULES)
    program = folder / PROGRAM.name
    program.write_bytes(PROGRAM.read_bytes())  # Node looks for packages beside the program
    key = ec.generate_private_key(ec.SECP256R1())
    pem = folder / "client.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = json.dumps(ECAlgorithm.to_jwk(key.public_key(), as_dict=True))
    command, pipe = [node, str(program), REDIRECT, public], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        yield Running(json.loads(child.stdout.readline())["issuer"], pem)
        child.stdin.close()
        child.wait(20)


async def walked(url: str) -> dict[str, str]:
    """What comes back to our address when a browser follows every redirect from here on."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        for _ in range(STEPS):
            async with session.get(URL(url, encoded=True), allow_redirects=False) as answer:
                assert answer.status in (302, 303), await answer.text()
                url = urljoin(url, answer.headers["Location"])
            if url.startswith(REDIRECT):
                return dict(parse_qsl(urlsplit(url).query))
    raise AssertionError(url)


async def service(towns: Towns, http: SafeClient, settings: Oidc) -> ExternalSignIn:
    clock = SystemClock()
    people = People(towns.db, towns.participants, Passwords(memory_kib=8), Departures(towns.participants))
    provider = Provider(settings, http, clock)
    return ExternalSignIn(towns.db, Vault(KEY), clock, provider, people, settings, REDIRECT)


@pytest.mark.parametrize("client", ["hanse", "with-key"])
async def test_a_person_signs_in(towns: Towns, running: Running, client: str) -> None:
    """>> with a secret, with a private key << Petra, with the role of her group; the same answer again is refused."""
    http = SafeClient(allow=["127.0.0.0/8"], insecure=True)
    by_key = running.key if client == "with-key" else None
    settings = Oidc(
        issuer=running.issuer,
        client_id=client,
        client_secret=Secret("" if by_key else "ge:heim"),
        key_file=by_key,
        roles=("rathaus = musterstadt steward",),
        second_factor=True,
    )
    it = await service(towns, http, settings)
    try:
        begun = await it.begin("/t/musterstadt/")
        answer = await walked(begun.url)
        assert answer.keys() == {"code", "state", "iss"}
        opened, back = await it.finish(answer, begun.cookie, DESK)
        signed = await Sessions(towns.db).session(opened.cookie)
        assert signed is not None
        assert (signed.name, signed.roles, signed.strong) == ("Petra Muster", {TOWN: {"steward"}}, True)
        assert back == "/t/musterstadt/"
        with pytest.raises(Unauthenticated):
            await it.finish(answer, begun.cookie, DESK)
        again = await it.begin("/")
        mixed = {**await walked(again.url), "code": answer["code"]}
        with pytest.raises(Unauthenticated):
            await it.finish(mixed, again.cookie, DESK)
    finally:
        await http.close()
