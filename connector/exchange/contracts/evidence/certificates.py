"""What a bundle says of the seals' certificates: `*-chain.pem`, and `*.ocsp` where the settings let us ask their CA.

The address to ask stands in the certificate, so it is called through the guarded client alone, briefly, once a minute
at most for one certificate, and never instead of making the bundle. An answer goes in only if the verifier's own
judgement takes it; one that says "withdrawn" does go in.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import msgspec
import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from connector.exchange.contracts.evidence import export
from connector.exchange.contracts.evidence.export import EvidenceParts
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.load import Settings
from connector.verify.checks import contract, records, revocation, trusted_time
from connector.verify.checks.contract import ROLES, Sealed
from connector.verify.checks.examination import attempt
from connector.verify.formats import jades
from connector.verify.formats.faults import Fault
from connector.verify.formats.jades import Seal

log = structlog.get_logger("certificates")
ANSWER_S = 3.0
"""Seconds that a bundle waits for both answers."""
PAUSE_MS = 60_000
KEPT = 512
WITHDRAWN = "certificate-revoked"
_HEADERS = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
_ODD = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.InvalidVersion)


class _Asked(msgspec.Struct, frozen=True):
    """When (ms) somebody was asked about a certificate, and what of the answer can be used."""

    at: int
    answer: bytes | None = None
    since: int = 0
    until: int = 0


class Certificates:
    """Without `http` nobody is asked. `roots` are those of the seals; the issuer may be one of them."""

    def __init__(self, http: SafeClient | None, clock: Clock, roots: Sequence[x509.Certificate]) -> None:
        self._http, self._clock, self._roots = http, clock, roots
        self._asked: OrderedDict[bytes, _Asked] = OrderedDict()
        self._turn: dict[bytes, asyncio.Lock] = {}

    @classmethod
    def of(cls, settings: Settings, clock: Clock, roots: Sequence[x509.Certificate]) -> "Certificates":
        """As the settings say."""
        if not settings.signers.ocsp:
            return cls(None, clock, roots)
        out = settings.outbound
        # Alone besides timestamps this client may speak plain HTTP, as all responders do: it sends the number of a
        # certificate, and an answer counts only with the signature of that certificate's authority.
        http = SafeClient(
            allow=out.allow, ca_files=settings.trust.ca_files, total_s=ANSWER_S, proxy=out.proxy or None, insecure=True
        )
        return cls(http, clock, roots)

    async def members(self, parts: EvidenceParts, did: str) -> dict[str, bytes]:
        """Further members of a bundle that the participant `did` makes. Raises nothing of what others do wrong."""
        tokens = {"provider": parts.provider_jws, "consumer": parts.consumer_jws}
        read = {role: attempt(jades.read, jws) for role in ROLES if (jws := tokens[role]) is not None}
        seals = {role: seal for role, seal in read.items() if seal is not None}
        found = {
            f"{role}-chain.pem": b"".join(one.public_bytes(Encoding.PEM) for one in seal.chain)
            for role, seal in seals.items()
        }
        answers = await asyncio.gather(*(self._soon(seal, _time(parts, did, seal)) for seal in seals.values()))
        return found | {f"{role}.ocsp": said for role, said in zip(seals, answers, strict=True) if said is not None}

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _soon(self, seal: Seal, at: int) -> bytes | None:
        if self._http is None:
            return None
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._answer(self._http, seal, at)
        except TimeoutError:
            log.warning("ocsp.away", did=seal.did, why=f"no answer within {ANSWER_S:g} s")
            return None

    async def _answer(self, http: SafeClient, seal: Seal, at: int) -> bytes | None:
        """One asks, the others wait for what it hears."""
        name = seal.chain[0].public_bytes(Encoding.DER)
        async with self._turn.setdefault(name, asyncio.Lock()):
            known, now = self._asked.get(name), self._clock.now()
            fits = known is not None and known.since >= at and now // 1000 < known.until
            if known is None or not (fits or abs(now - known.at) < PAUSE_MS):
                self._keep(name, _Asked(now))  # whoever breaks off leaves the pause behind
                known = await self._fresh(http, seal, now)
                self._keep(name, known)
            return known.answer if known.since >= at and now // 1000 < known.until else None

    async def _fresh(self, http: SafeClient, seal: Seal, now: int) -> _Asked:
        try:
            issuers = (*seal.chain[1:], *self._roots)
            place = _place(seal.chain[0], issuers)
            if place is None:
                return _Asked(now)
            url, question = place
            answer = await http.post(url, question, headers=_HEADERS, limit=revocation.LARGEST, total_s=ANSWER_S)
            if answer.status != 200:
                log.warning("ocsp.away", did=seal.did, status=answer.status)
                return _Asked(now)
            since, until = _judged(answer.body, seal, issuers, now // 1000)
        except HanseError as error:
            log.warning("ocsp.away", did=seal.did, why=error.code)
            return _Asked(now)
        except (Fault, *_ODD) as wrong:
            log.warning("ocsp.refused", did=seal.did, why=getattr(wrong, "code", type(wrong).__name__))
            return _Asked(now)
        return _Asked(now, answer.body, since, until)

    def _keep(self, name: bytes, asked: _Asked) -> None:
        self._asked[name] = asked
        self._asked.move_to_end(name)
        if len(self._asked) > KEPT:
            gone, _ = self._asked.popitem(last=False)
            self._turn.pop(gone, None)


def _time(parts: EvidenceParts, did: str, seal: Seal) -> int:
    """Seconds from which on an answer counts for the verifier: the time of the witnesses, else the seal's own."""
    try:
        agreement = contract.parse_agreement(parts.agreement)
        policy = export.policy_of(parts.trust_list, did, (agreement.provider, agreement.consumer))
        state = records.parse_proof(parts.log.proof).checkpoint
        return trusted_time.find(state, parts.log.timestamp, policy, ()).seconds
    except Fault:
        return seal.iat


def _place(certificate: x509.Certificate, issuers: Sequence[x509.Certificate]) -> tuple[str, bytes] | None:
    """Where to ask, and what; None if the certificate names no responder or its issuer is not here."""
    for issuer in issuers:
        try:
            certificate.verify_directly_issued_by(issuer)
            access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        except _ODD:
            continue
        # SHA-1 only names the certificate here: many responders know no other hash (RFC 5019).
        question = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1()).build()  # noqa: S303
        for one in access:
            named = one.access_location
            if one.access_method == AuthorityInformationAccessOID.OCSP and isinstance(
                named, x509.UniformResourceIdentifier
            ):
                return named.value, question.public_bytes(Encoding.DER)
    return None


def _judged(answer: bytes, seal: Seal, issuers: Sequence[x509.Certificate], now: int) -> tuple[int, int]:
    """From when on it speaks, and until when it is used (seconds); Fault or an error of the reader if it is no use."""
    try:
        revocation.check_certificate(Sealed(seal, "L2"), answer, issuers, seal.iat)
    except Fault as fault:
        if fault.code != WITHDRAWN:
            raise
    response = ocsp.load_der_ocsp_response(answer)
    single = next(one for one in response.responses if one.serial_number == seal.chain[0].serial_number)
    since, until = int(single.this_update_utc.timestamp()), single.next_update_utc
    end = since + 3600 if until is None else int(until.timestamp())
    if since > now + trusted_time.SKEW_S or end <= now:
        raise Fault("ocsp-form")
    return since, end
