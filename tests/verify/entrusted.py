"""Contracts for which somebody acted under a mandate, honest or not."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence import export
from connector.verify.checks import mandate
from connector.verify.checks.trusted_time import written
from connector.verify.formats import base64url, jcs
from tests.verify.dishonest import Made, approval
from tests.verify.forge import CONSUMER, DAY, NOW, PROVIDER, Case, SealKey, jwk_of, root_of

AGENT, SUB = "did:web:it-verbund.example", "did:web:unterauftrag.example"
BEGIN = NOW - 100
Statement = dict[str, Any]
KEYS = {did: ec.generate_private_key(ec.SECP256R1()) for did in (AGENT, SUB)}


def thumbprint(key: ec.EllipticCurvePrivateKey) -> str:
    return base64url.encode(sha256(jcs.encode(jwk_of(key))).digest())


def method(did: str, controller: str, key: ec.EllipticCurvePrivateKey) -> dict[str, object]:
    """A key of tokens in somebody's document."""
    name = f"{did}#op-{controller.rpartition(':')[2]}"
    return {"id": name, "type": "JsonWebKey2020", "controller": controller, "publicKeyJwk": jwk_of(key)}


class Acting(SealKey):
    """A party whose document names keys of its agents, and other keys of its own for seals."""

    agents: Mapping[str, ec.EllipticCurvePrivateKey] = {}
    former: "SealKey | None" = None

    def document(self) -> dict[str, object]:
        said: Statement = super().document()
        methods = [method(self.did, did, key) for did, key in self.agents.items()]
        said["verificationMethod"] = [*said["verificationMethod"], *methods]
        if self.former is not None:
            said["verificationMethod"] += self.former.document()["verificationMethod"]  # type: ignore[operator]
            said["assertionMethod"] = [*said["assertionMethod"], self.former.kid]
        return {**said, "capabilityInvocation": [one["id"] for one in methods]}


class Entrusted(Made):
    """A contract of a party for which an agent acted. `said` are other members of the mandate, or what makes them;
    `agents` whose keys the party's document names, `by` who seals the mandate and when, `shown` what the approval shows
    of it."""

    def __init__(
        self,
        case: Case,
        side: str = "provider",
        *,
        said: Mapping[str, object] | Callable[["Entrusted"], Mapping[str, object]] | None = None,
        agents: Mapping[str, ec.EllipticCurvePrivateKey] | None = None,
        own: bool = False,
        by: Callable[["Entrusted"], SealKey] | None = None,
        at: int | None = None,
        shown: Callable[[Statement], object] = lambda carried: carried,
        former: bool = False,
    ) -> None:
        self.side, self.said, self.by, self.at, self.shown = side, said or {}, by, at, shown
        self.agents = {AGENT: KEYS[AGENT]} if agents is None else agents
        self.own, self.with_former = own, former
        super().__init__(case)

    @property
    def party(self) -> Acting:
        found = self.provider if self.side == "provider" else self.consumer
        assert isinstance(found, Acting)
        return found

    def make(self, title: str = "", **objects: bytes) -> export.EvidenceParts:
        did = PROVIDER if self.side == "provider" else CONSUMER
        party = Acting(did, self.ca)
        party.agents = {AGENT: party.key} if self.own else self.agents  # type: ignore[dict-item]
        if self.with_former:
            party.former = SealKey(did, self.ca)
            party.former.kid = f"{did}#former"
        if self.side == "provider":
            self.provider = self.exporter = party
        else:
            self.consumer = party
        carried = self.shown(self.carried())
        more = {} if carried is None else {"agent": carried}
        self._approvals = {self.side: jcs.encode(approval(self.side, **more))}
        return super().make(title, **objects)

    def carried(self) -> Statement:
        usual = {
            "v": 1,
            "kind": "mandate",
            "principal": self.party.did,
            "agent": AGENT,
            "agentName": "IT-Verbund",
            "actions": ["negotiate", "publish", "serve"],
            "from": written(BEGIN),
            "until": written(NOW + 300 * DAY),
            "contract": "AVV 2026-117",
            "key": thumbprint(KEYS[AGENT]),
            "own": [],
            "withdrawal": "0" * 64,
        }
        statement = {**usual, **(self.said(self) if callable(self.said) else self.said)}
        signer = self.party if self.by is None else self.by(self)
        address = mandate.address(root_of(str(statement["principal"])), mandate.digest(statement))
        found = sealing.Reference(address, jcs.encode(statement), mandate.CTY)
        begin = statement["from"] == written(NOW + 10) and NOW + 10
        return {"mandate": statement, "seal": self.seal(signer, [found], self.at or begin or BEGIN)}
