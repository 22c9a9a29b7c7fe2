"""Contracts whose countersignature comes late: left waiting for a person, handed in, delivered step by step."""

import json
from typing import Any, NamedTuple

from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.signing.progress import progress
from connector.kernel.protocol.messages import HANSE
from tests.testkit.towns import Towns

SEAL = f"{HANSE}agreementSignature"
VERIFY = "ContractAgreementVerificationMessage"


class Waiting(NamedTuple):
    """A contract without countersignature: both sides' negotiation, the agreement's id, and the seal that got lost."""

    ours: str
    theirs: str
    agreement: str
    seal: str


async def waiting(towns: Towns, bend: str = "none", **wish: Any) -> Waiting:
    """Nachbardorf's seal is lost, another's, or broken on its way; everything that can be delivered is."""
    provider_seal: list[str] = []
    towns.wire.bend["ContractAgreementMessage"] = lambda message: provider_seal.append(message[SEAL])
    towns.wire.bend[VERIFY] = {
        "none": lambda message: message.pop(SEAL),
        "foreign": lambda message: message.update({SEAL: provider_seal[0]}),
        "broken": lambda message: message.update({SEAL: message[SEAL][:-8] + "AAAAAAAA"}),
    }[bend]
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt", **wish))
    await towns.run()
    case = await towns.case("nachbardorf", asked.id)
    assert case.kernel.peer_pid is not None
    agreement = await towns.agreement("nachbardorf", case.agreement)
    assert agreement.consumer_jws is not None
    return Waiting(case.id, case.kernel.peer_pid, agreement.id, agreement.consumer_jws)


async def hand_in(towns: Towns, found: Waiting, seal: str = "", sender: str = "nachbardorf") -> None:
    url = f"https://localhost:18443/musterstadt/evidence/{found.agreement[9:]}/countersignature"
    await towns.late(sender, towns.did("musterstadt"), url, seal or found.seal)


HEAD = Approval(role="Amtsleitung", pseudonym="p-7f3a91", mandate="M-12")
HANDED = "nachbardorf: countersignature"


class Broken(NamedTuple):
    """A contract whose countersignature did not hold when it came."""

    case: str
    agreement: str


async def broken(towns: Towns, **wish: Any) -> Broken:
    """Nachbardorf verified, but its seal got broken on its way."""
    towns.wire.bend[VERIFY] = lambda message: message.update({SEAL: message[SEAL][:-8] + "AAAAAAAA"})
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt", **wish))
    await towns.run()
    case = await towns.case("nachbardorf", asked.id)
    assert case.agreement is not None
    return Broken(case.id, case.agreement)


async def lies_here(towns: Towns, agreement: Agreement) -> str:
    return await towns.db.read("nachbardorf", towns.contracts.countersigning.unread, agreement)


async def order(towns: Towns, found: Broken, by: Approval = HEAD, slug: str = "nachbardorf") -> None:
    """A person has read the text and signs."""
    agreement = await towns.agreement("nachbardorf", found.agreement)
    read = (await lies_here(towns, agreement))[:16]
    await towns.db.write(slug, towns.contracts.countersigning.order, slug, found.agreement, by, read)


async def states(towns: Towns, found: Broken) -> tuple[str, str]:
    """The agreement as provider and consumer hold it."""
    theirs, ours = [await towns.agreement(slug, found.agreement) for slug in ("musterstadt", "nachbardorf")]
    return theirs.state, ours.state


async def records(towns: Towns, slug: str, type_: str) -> list[dict[str, Any]]:
    sql = "SELECT record FROM audit_entry WHERE participant = :participant AND type = :type ORDER BY id"
    return [json.loads(bytes(row["record"])) for row in await towns.rows(slug, sql, type=type_)]


async def step(towns: Towns, found: Broken, slug: str = "nachbardorf") -> tuple[str, str]:
    """State of the agreement, and how far the consumer's seal has got."""
    agreement = await towns.agreement(slug, found.agreement)
    how = await towns.db.read(slug, progress, towns.contracts.agreements, agreement)
    return agreement.state, how.step
