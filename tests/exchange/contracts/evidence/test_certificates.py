"""A bundle brings the seals' certificates, and what their authority says where it may be asked (T55)."""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from connector.exchange.contracts.evidence import certificates
from connector.exchange.contracts.evidence.certificates import Certificates
from connector.foundation.clock import FakeClock
from connector.foundation.http.outbound import Answer, SafeClient
from connector.foundation.settings.load import load
from connector.verify.bundle import verify_bundle
from tests.testkit.patience import PATIENCE_S
from tests.verify.forge import NOW, PROVIDER, Case, SealCa, SealKey
from tests.verify.judge import changed, named

DAY = 86_400
AT = NOW + 3600
"""When the bundle is made; the witness saw the contract before."""
pytestmark = pytest.mark.threat("T55")


class Responder:
    """The CA's answers on loopback; `say` makes them."""

    def __init__(self, ca: SealCa) -> None:
        self.ca, self.asked, self.url = ca, 0, ""
        self.say: Callable[[x509.Certificate], Awaitable[bytes]] = self.good
        self.certificate: x509.Certificate | None = None
        self.handle: Callable[[web.Request], Awaitable[web.StreamResponse]] = self.said

    async def serve(self, request: web.Request) -> web.StreamResponse:
        return await self.handle(request)

    async def said(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        question = ocsp.load_der_ocsp_request(await request.read())
        assert self.certificate is not None
        assert question.serial_number == self.certificate.serial_number
        return web.Response(body=await self.say(self.certificate))

    async def good(self, certificate: x509.Certificate) -> bytes:
        return self.answer(certificate, ocsp.OCSPCertStatus.GOOD)

    def answer(
        self,
        certificate: x509.Certificate,
        status: ocsp.OCSPCertStatus,
        *,
        at: int = AT,
        since: int | None = None,
        by: SealCa | None = None,
    ) -> bytes:
        moment = datetime.fromtimestamp(at, UTC)
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=certificate,
            issuer=self.ca.certificate,
            algorithm=SHA256(),
            cert_status=status,
            this_update=moment,
            next_update=moment + timedelta(days=1),
            revocation_reason=None,
            revocation_time=None if since is None else datetime.fromtimestamp(since, UTC),
        )
        signer = by or self.ca
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        return builder.sign(signer.key, SHA256()).public_bytes(Encoding.DER)


@pytest.fixture
async def client() -> AsyncIterator[SafeClient]:
    made = SafeClient(allow=("127.0.0.0/8",), insecure=True)
    yield made
    await made.close()


@pytest.fixture
async def responder() -> AsyncIterator[Responder]:
    one = Responder(SealCa())
    application = web.Application()
    application.router.add_post("/ocsp", one.serve)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ocsp"
    yield one
    await runner.cleanup()


def listed(responder: Responder, url: str | None = None) -> Case:
    """A provider at L2 whose certificate names the responder."""
    place = x509.UniformResourceIdentifier(url or responder.url)
    access = x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)])
    case = Case()
    responder.ca = case.ca
    case.provider = case.exporter = SealKey(PROVIDER, case.ca, uris=[], more=[access])
    responder.certificate = case.provider.certificate
    case.log = case.new_log(PROVIDER)
    case.parts = case.make()
    trust_list = case.listed(seals={PROVIDER: [case.provider.fingerprint]})
    case.parts = msgspec.structs.replace(case.parts, trust_list=trust_list)
    return case


def made(client: SafeClient | None, responder: Responder, at: int = AT) -> tuple[Certificates, FakeClock]:
    clock = FakeClock(at * 1000)
    return Certificates(client, clock, (responder.ca.certificate,)), clock


async def test_a_good_answer_comes_along_and_is_used_again(client: SafeClient, responder: Responder) -> None:
    """>> bundle twice at once, again, after nextUpdate << asked once, then once more; chain as the seal has it."""
    case = listed(responder)
    service, clock = made(client, responder)
    first, second = await asyncio.gather(*(service.members(case.parts, PROVIDER) for _ in range(2)))
    assert first == second
    assert first.keys() == {"provider-chain.pem", "consumer-chain.pem", "provider.ocsp"}
    assert x509.load_pem_x509_certificates(first["provider-chain.pem"])[0] == case.provider.certificate
    clock.advance(3_600_000)
    assert await service.members(case.parts, PROVIDER) == first
    assert responder.asked == 1
    clock.advance(DAY * 1000)
    assert "provider.ocsp" not in await service.members(case.parts, PROVIDER), "the answer is the old one"
    assert responder.asked == 2


async def test_the_verifier_takes_what_came(client: SafeClient, responder: Responder) -> None:
    """>> good << nothing is open about revocation any more; >> withdrawn before << FAILED, it is not hidden."""
    case = listed(responder)
    service, _ = made(client, responder)
    good = await service.members(case.parts, PROVIDER)
    whole = changed(case, more=good)
    assert "provider.ocsp" in zipfile.ZipFile(BytesIO(whole)).namelist()

    async def withdrawn(certificate: x509.Certificate) -> bytes:
        return responder.answer(certificate, ocsp.OCSPCertStatus.REVOKED, since=NOW - 5)

    responder.say = withdrawn
    service, _ = made(client, responder)
    bad = changed(case, more=await service.members(case.parts, PROVIDER))
    assert "revocation" not in verify_bundle(whole, case.roots).doubts
    assert named(verify_bundle(bad, case.roots)) == ("revocation", "certificate-revoked")


async def test_what_proves_nothing_stays_out(client: SafeClient, responder: Responder) -> None:
    """Unknown, another signer or time or certificate, garbage, too large, an error: without it, and one question."""
    case = listed(responder)
    good = ocsp.OCSPCertStatus.GOOD
    busy = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    leaf = case.provider.certificate
    for answer in (
        responder.answer(leaf, ocsp.OCSPCertStatus.UNKNOWN),
        responder.answer(leaf, good, by=SealCa()),
        responder.answer(leaf, good, at=NOW - DAY),
        responder.answer(leaf, good, at=AT + DAY),
        responder.answer(SealKey(PROVIDER, responder.ca).certificate, good),
        busy.public_bytes(Encoding.DER),
        b"",
        b"0" * 70_000,
        responder.answer(leaf, good) + b"\0" * 70_000,
    ):

        async def say(_: x509.Certificate, answer: bytes = answer) -> bytes:
            return answer

        responder.say, responder.asked = say, 0
        service, _ = made(client, responder)
        for _ in range(3):
            assert "provider.ocsp" not in await service.members(case.parts, PROVIDER)
        assert responder.asked == 1


async def test_a_slow_authority_holds_up_no_bundle(
    client: SafeClient, responder: Responder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> no answer << without it, and for a minute nobody waits again."""
    case, ask, asked = listed(responder), client.post, list[str]()

    async def never(_: x509.Certificate) -> bytes:
        await asyncio.sleep(1)
        return b""

    async def noted(url: str, *given: Any, **named: Any) -> Answer:
        """On a busy machine the question may not arrive within the time."""
        asked.append(url)
        return await ask(url, *given, **named)

    responder.say = never
    monkeypatch.setattr(client, "post", noted)
    monkeypatch.setattr(certificates, "ANSWER_S", 0.2)
    service, _ = made(client, responder)
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(3):
            assert "provider.ocsp" not in await service.members(case.parts, PROVIDER)
    assert asked == [responder.url]


async def test_an_address_inside_is_not_called(responder: Responder) -> None:
    """>> a certificate that names loopback, a file, nothing to call << the guarded client refuses; nobody was asked."""
    for url in (None, "file:///etc/passwd", "http://127.0.0.1:22/", "http://[::1]/", "ldap://a.example"):
        case = listed(responder, url)
        guarded = SafeClient(insecure=True)
        service, _ = made(guarded, responder)
        assert "provider.ocsp" not in await service.members(case.parts, PROVIDER)
        await guarded.close()
    assert responder.asked == 0


async def test_an_address_inside_is_called_only_where_the_settings_allow_it(
    responder: Responder, tmp_path: Path
) -> None:
    """>> a responder on loopback, with the settings as they come, and with that network allowed << not asked; asked."""
    case = listed(responder)
    asks = {"HANSE_SIGNERS__OCSP": "true"}
    for environ, asked in ((asks, 0), ({**asks, "HANSE_OUTBOUND__ALLOW": "127.0.0.0/8"}, 1)):
        service = Certificates.of(load(tmp_path, environ), FakeClock(AT * 1000), (responder.ca.certificate,))
        found = await service.members(case.parts, PROVIDER)
        await service.stop()
        assert ("provider.ocsp" in found, responder.asked) == (bool(asked), asked)


async def test_an_answer_without_end_is_not_read_to_its_end(client: SafeClient, responder: Responder) -> None:
    """>> bytes for as long as somebody takes them << cut off soon: the bundle is made without it."""
    case = listed(responder)
    assert await served(client, responder, case, most=64 << 20) < 32 << 20


async def served(client: SafeClient, responder: Responder, case: Case, most: int) -> int:
    """How many of at most so many bytes of an answer somebody took."""
    taken, over = 0, asyncio.Event()

    async def without_end(request: web.Request) -> web.StreamResponse:
        nonlocal taken
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while taken < most:
                await response.write(bytes(1 << 20))
                taken += 1 << 20
        except ConnectionError:
            pass
        finally:
            over.set()
        return response

    responder.handle = without_end
    service, _ = made(client, responder)
    assert "provider.ocsp" not in await service.members(case.parts, PROVIDER)
    async with asyncio.timeout(PATIENCE_S):
        await over.wait()
    return taken


async def test_of_very_many_certificates_the_last_ones_are_remembered(
    client: SafeClient, responder: Responder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> room for one, two partners in turn << one is kept, so that nobody fills the memory with certificates."""
    monkeypatch.setattr(certificates, "KEPT", 1)
    case = listed(responder)
    service, _ = made(client, responder)
    for one in (case, listed(responder)):
        await service.members(one.parts, PROVIDER)
    assert (len(service._asked), len(service._turn)) == (1, 1)


async def test_nobody_is_asked_unless_the_settings_say_so(responder: Responder) -> None:
    case = listed(responder)
    service, _ = made(None, responder)
    assert (await service.members(case.parts, PROVIDER)).keys() == {"provider-chain.pem", "consumer-chain.pem"}
    assert responder.asked == 0


@pytest.mark.parametrize("asks", [False, True])
def test_roots_of_the_system_are_read_only_where_somebody_is_asked(
    asks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a start without OCSP << no client of its own, which would hold all roots that the system trusts."""
    made = list[bool]()
    monkeypatch.setattr(certificates, "SafeClient", lambda **_: made.append(True))
    settings = load(tmp_path, {"HANSE_SIGNERS__OCSP": str(asks).lower()})
    Certificates.of(settings, FakeClock(NOW * 1000), [])
    assert made == [True] * asks
