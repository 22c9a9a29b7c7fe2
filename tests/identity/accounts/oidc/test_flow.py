"""A sign-in at an identity provider that lies: from the first redirect to the session, over two replicas."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import replace

from connector.data.approvals.departed import Departures
from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.errors import HanseError, Mistake, PeerError, Refusal, Unauthenticated, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Oidc, Secret
from connector.foundation.storage import PROCESS
from connector.identity.accounts import store
from connector.identity.accounts.oidc.flow import LASTS_MS, ExternalSignIn
from connector.identity.accounts.oidc.groups import Groups
from connector.identity.accounts.oidc.provider import MOST_KEYS, PATIENCE_MS, Provider
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from connector.identity.accounts.sessions import Sessions
from connector.identity.trust.keys.vault import Vault
from tests.identity.accounts.oidc.issuer import OTHER, Claims, Issuer, issuing, jwk, signed
from tests.identity.accounts.people import DESK, KEY, TOWN, VILLAGE, person
from tests.testkit.listening import reserved_port
from tests.testkit.towns import Towns

REDIRECT = "http://localhost:1/sign-in/external/answer"
STEWARDS = ("/towns/musterstadt = musterstadt steward", "readers = nachbardorf auditor", "ops = operator")
pytestmark = pytest.mark.threat("T88")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as made:
        yield made


@pytest.fixture
async def http() -> AsyncIterator[SafeClient]:
    client = SafeClient(allow=["127.0.0.0/8"], insecure=True)
    yield client
    await client.close()


Make = Callable[..., ExternalSignIn]


@pytest.fixture
def make(towns: Towns, issuer: Issuer, http: SafeClient) -> Make:
    """A replica's service; what is given changes the settings."""
    people = People(towns.db, towns.participants, Passwords(memory_kib=8), Departures(towns.participants))

    def made(clock: Any = None, **given: Any) -> ExternalSignIn:
        settings = replace(Oidc(issuer=issuer.url, client_secret=Secret("ge:heim"), roles=STEWARDS), **given)
        at = clock or SystemClock()
        return ExternalSignIn(towns.db, Vault(KEY), at, Provider(settings, http, at), people, settings, REDIRECT)

    return made


async def failed(doing: Any) -> str:
    """What is wrong with it."""
    try:
        await doing
    except HanseError as error:
        return str(error.facts.get("why", error.code))
    return ""


async def test_a_person_with_a_group(make: Make, issuer: Issuer, towns: Towns) -> None:
    """>> a steward by her group; then the group is another one << her role at once, and the other in its place."""
    it = make()
    issuer.person |= {"groups": ["/towns/musterstadt", "x", 7], "amr": ["pwd", "otp"]}
    begun = await it.begin("/t/musterstadt/")
    asked = parse_qs(urlsplit(begun.url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid profile email"]
    assert asked["redirect_uri"] == [REDIRECT]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    opened, back = await it.finish(issuer.authorize(begun.url), begun.cookie, DESK)
    assert back == "/t/musterstadt/"
    signed_in = await Sessions(towns.db).session(opened.cookie)
    assert signed_in is not None
    assert (signed_in.name, signed_in.roles, signed_in.strong) == ("Petra Muster", {TOWN: {"steward"}}, True)
    await towns.db.write(VILLAGE, store.grant, VILLAGE, signed_in.person, "publisher", "")
    issuer.person["groups"] = ["readers", "ops"]
    begun = await it.begin("/")
    opened, _ = await it.finish(issuer.authorize(begun.url), begun.cookie, DESK)
    again = await Sessions(towns.db).session(opened.cookie)
    assert again is not None
    assert again.person == signed_in.person
    assert (again.roles, again.operator) == ({VILLAGE: {"auditor", "publisher"}}, True)
    fields, headers = issuer.asked[-1]
    assert headers["Authorization"].startswith("Basic ")
    assert {"code", "code_verifier", "redirect_uri", "grant_type"} == fields.keys()


async def test_nobody_is_let_in_by_being_known_there(make: Make, issuer: Issuer, towns: Towns) -> None:
    """>> no group that means something; then with an invitation in hand << refused and nothing kept; a person."""
    it = make()
    begun = await it.begin("/")
    with pytest.raises(Refusal, match="oidc-unknown"):
        await it.finish(issuer.authorize(begun.url), begun.cookie, DESK)
    assert await towns.db.read(PROCESS, store.persons) == []
    link = await it._people.invite(TOWN, "", "Petra", ["auditor"])
    begun = await it.begin(f"/invitation?code={link}")
    opened, back = await it.finish(issuer.authorize(begun.url), begun.cookie, DESK)
    assert back == f"/invitation?code={link}"
    new = await Sessions(towns.db).session(opened.cookie)
    assert new is not None
    assert (new.roles, new.strong) == ({}, False)


async def test_a_person_is_issuer_and_subject(make: Make, issuer: Issuer, towns: Towns) -> None:
    """>> the name of a local account, an address of somebody else << another person, who never becomes that one."""
    local = await person(towns.db, "petra")
    issuer.person |= {"groups": ["readers"], "email": "petra", "name": 7, "preferred_username": "petra"}
    begun = await make().begin("/")
    opened, _ = await make().finish(issuer.authorize(begun.url), begun.cookie, DESK)
    found = await Sessions(towns.db).session(opened.cookie)
    assert found is not None
    assert found.person != local
    one = await towns.db.read(PROCESS, store.person, found.person)
    assert one.external
    assert one.login.endswith("@127.0.0.1")


async def test_subjects_are_compared_letter_by_letter(make: Make, issuer: Issuer, towns: Towns) -> None:
    """>> two subjects that differ in case alone, then the first again << two persons (OpenID Connect Core 2)."""
    persons = []
    for subject in ("Abc", "abc", "Abc"):
        issuer.person |= {"groups": ["readers"], "sub": subject}
        begun = await make().begin("/")
        opened, _ = await make().finish(issuer.authorize(begun.url), begun.cookie, DESK)
        found = await Sessions(towns.db).session(opened.cookie)
        assert found is not None
        persons.append(found.person)
    assert persons[0] == persons[2] != persons[1]


async def test_no_more_keys_are_tried_than_a_provider_has(make: Make, issuer: Issuer) -> None:
    """>> a hundred keys and one more of that very name << none of them is believed."""
    issuer.person["groups"] = ["readers"]
    issuer.keys *= MOST_KEYS + 1
    begun = await (it := make()).begin("/")
    assert await failed(it.finish(issuer.authorize(begun.url), begun.cookie, DESK)) == "jwks"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"state": "x" * 43}, "state"),
        ({"state": None}, "state"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"code": "made-up"}, "code"),
        ({"code": None}, "accounts.oidc-refused"),
        ({"error": "access_denied"}, "accounts.oidc-refused"),
    ],
    ids=str,
)
async def test_an_answer_that_is_not_ours(make: Make, issuer: Issuer, answer: Claims, why: str) -> None:
    """>> another state, another provider's name or none, a code from nowhere << refused."""
    it, issuer.answer = make(), answer
    issuer.person["groups"] = ["readers"]
    begun = await it.begin("/")
    assert await failed(it.finish(issuer.authorize(begun.url), begun.cookie, DESK)) == why


@pytest.mark.on_both
async def test_an_answer_counts_once_and_in_its_browser(make: Make, issuer: Issuer, towns: Towns) -> None:
    """>> replayed, at once on two replicas, in another browser, without a cookie, ten minutes later << one session."""
    issuer.person["groups"] = ["readers"]
    first, second = make(), make()
    begun, other = await first.begin("/"), await second.begin("/")
    answer = issuer.authorize(begun.url)
    said = await asyncio.gather(
        *(failed(one.finish(answer, begun.cookie, DESK)) for one in (first, second, first, second))
    )
    assert sorted(said) == ["", "state", "state", "state"]
    assert await failed(first.finish(answer, begun.cookie, DESK)) == "state"
    for cookie in (other.cookie, "", "x", other.cookie[:-4] + "AAAA", "ä"):
        assert await failed(first.finish(issuer.authorize(begun.url), cookie, DESK)) == "state"
    clock = FakeClock()
    late = make(clock)
    begun = await late.begin("/")
    clock.advance(LASTS_MS)
    assert await failed(late.finish(issuer.authorize(begun.url), begun.cookie, DESK)) == "accounts.second-over"
    rows = await towns.db.read(PROCESS, lambda tx: tx.all("SELECT 1 FROM one_time_secret WHERE kind = 'external'"))
    assert len(rows) == 1, "nothing is kept of what never came to an answer"


@pytest.mark.parametrize(
    ("bent", "why"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"aud": "another-service"}, "aud"),
        ({"aud": ["hanse", "another-service"]}, "azp"),
        ({"nonce": "of another sign-in"}, "nonce"),
        ({"exp": 1}, "exp"),
        ({"at_hash": "of-another-token"}, "at_hash"),
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us(make: Make, issuer: Issuer, bent: Claims, why: str) -> None:
    it = make()
    issuer.person["groups"] = ["readers"]
    issuer.bend = lambda claims: claims.update(bent)
    begun = await it.begin("/")
    assert await failed(it.finish(issuer.authorize(begun.url), begun.cookie, DESK)) == why


async def test_a_code_of_another_sign_in(make: Make, issuer: Issuer) -> None:
    """>> the code that a stranger got for himself, in her answer << the verifier does not fit."""
    it = make()
    issuer.person["groups"] = ["readers"]
    hers, his = await it.begin("/"), await it.begin("/")
    answer = {**issuer.authorize(hers.url), "code": issuer.authorize(his.url)["code"]}
    assert await failed(it.finish(answer, hers.cookie, DESK)) == "code"


async def test_new_keys_are_asked_for_once_a_minute(make: Make, issuer: Issuer) -> None:
    """>> the provider has a new key; then tokens of keys that nobody has << it works; asked no more."""
    it = make()
    issuer.person["groups"] = ["readers"]
    begun = await it.begin("/")
    await it.finish(issuer.authorize(begun.url), begun.cookie, DESK)
    issuer.keys.append(jwk(OTHER, "two"))
    issuer.token = lambda claims: signed(claims, OTHER, kid="three")
    for _ in range(3):
        begun = await it.begin("/")
        assert await failed(it.finish(issuer.authorize(begun.url), begun.cookie, DESK)) == "key"
    assert issuer.fetched.count("jwks") == 1, "the first were fetched less than a minute ago"
    issuer.token = lambda claims: signed(claims, OTHER, kid="two")
    begun = await (fresh := make()).begin("/")
    await fresh.finish(issuer.authorize(begun.url), begun.cookie, DESK)
    assert issuer.fetched.count("discovery") == 2


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"issuer": "https://evil.example"}, "issuer"),
        ({"token_endpoint": "http://169.254.169.254/token"}, "endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "endpoint"),
        ({"jwks_uri": None}, "discovery"),
        ({"jwks_uri": "file:///etc/passwd"}, "endpoint"),
    ],
    ids=str,
)
async def test_a_discovery_that_names_others(make: Make, issuer: Issuer, metadata: Claims, why: str) -> None:
    issuer.metadata = metadata
    assert await failed(make().begin("/")) == why


async def test_the_service_proves_itself_with_a_key(make: Make, issuer: Issuer, tmp_path: Path) -> None:
    """>> a private key instead of a secret << an assertion for this issuer alone, and no secret; no key << said so."""
    key = ec.generate_private_key(ec.SECP256R1())
    place = tmp_path / "client.pem"
    place.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    it = make(key_file=place)
    issuer.person["groups"] = ["readers"]
    begun = await it.begin("/")
    await it.finish(issuer.authorize(begun.url), begun.cookie, DESK)
    fields, headers = issuer.asked[-1]
    said = jwt.decode(fields["client_assertion"], key.public_key(), algorithms=["ES256"], audience=issuer.url)
    assert (said["iss"], said["sub"]) == ("hanse", "hanse")
    assert "Authorization" not in headers
    assert "client_secret" not in fields
    place.write_text("no key")
    begun = await it.begin("/")
    with pytest.raises(Mistake, match="oidc-key"):
        await it.finish(issuer.authorize(begun.url), begun.cookie, DESK)
    post = make()
    issuer.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    begun = await post.begin("/")
    await post.finish(issuer.authorize(begun.url), begun.cookie, DESK)
    assert issuer.asked[-1][0]["client_secret"] == "ge:heim"


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as found:
        yield found


async def test_the_provider_is_away(make: Make, http: SafeClient, port: int) -> None:
    """Bug: each stranger's click asked it again. >> nobody answers; again at once, and after a while, when it answers
    with nonsense; an address inside that nobody allowed << not now; without asking; asked; refused."""
    clock = FakeClock()
    away = make(clock, issuer=f"http://127.0.0.1:{port}")
    with pytest.raises(Unavailable):
        await away.begin("/")
    asked: list[str] = []

    async def nonsense(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=500)

    app = web.Application()
    app.add_routes([web.get("/{rest:.*}", nonsense)])
    async with TestServer(app, port=port):
        for waits in (0, PATIENCE_MS, 0):
            clock.advance(waits)
            with pytest.raises(Unavailable, match=r"accounts\.oidc-away"):
                await away.begin("/")
    assert len(asked) == 1
    inside = make(issuer="http://10.0.0.1")
    with pytest.raises((PeerError, Unauthenticated)):
        await inside.begin("/")


def test_what_groups_mean() -> None:
    """>> lines of the settings that say nothing; claims of every shape << refused at the start; nobody gets a role."""
    for line in ("x", "= musterstadt steward", "g = musterstadt", "g = musterstadt king", "g = steward"):
        with pytest.raises(Mistake):
            Groups(Oidc(roles=(line,)))
    groups = Groups(Oidc(roles=("a = b = musterstadt steward", "a = b = nachbardorf auditor"), acr=("gold",)))
    assert groups.meaning({"groups": ["a = b"]}).roles == {TOWN: {"steward"}, VILLAGE: {"auditor"}}
    for odd in (None, "a = b", {"a = b": 1}, [["a = b"]], [None]):
        meant = groups.meaning({"groups": odd})
        assert (meant.roles, meant.operator) == ({}, None)
    strong = [{"acr": "gold"}, {"amr": ["mfa"]}, {"amr": ["pwd", "hwk"]}]
    weak = [{}, {"acr": "1"}, {"amr": ["pwd"]}, {"amr": "mfa"}, {"acr": ["gold"]}]
    assert all(groups.strong(one) for one in strong)
    assert not any(groups.strong(one) for one in weak)
    assert Groups(Oidc(second_factor=True)).strong({})
