"""The English text beside the German one that both parties sign: a marked translation, made when it is asked for.

It is written from the agreement and its signed snapshot alone, so that both sides can make it; it proves nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from connector.exchange.contracts import store
from connector.exchange.contracts.document import draft
from connector.exchange.contracts.document.agent import acted, carried
from connector.exchange.contracts.document.text import ContractFacts, Party, render
from connector.exchange.contracts.model import Agreement
from connector.foundation.errors import HanseError
from connector.foundation.storage.database import Tx
from connector.identity.participants.service import Hosted
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.protocol.messages import HANSE

NAME = "text-en.html"


class Translations:
    """`name_of` is what the lists call a DID that count for a participant of ours, whose DID comes second."""

    def __init__(self, engine: PolicyEngine, name_of: Callable[[str, str], str]) -> None:
        self._engine, self._name_of = engine, name_of

    def members(self, tx: Tx, hosted: Hosted, agreement: Agreement, objects: Mapping[str, bytes]) -> dict[str, bytes]:
        """`text-en.html` for a bundle of this agreement, or nothing."""
        me, other = hosted.participant, agreement.counterparty
        mine, theirs = Party(me.name, me.did), Party(self._name_of(other, me.did), other)
        provider, consumer = (mine, theirs) if agreement.role == "provider" else (theirs, mine)
        provider = acted(provider, carried(objects.get(draft.APPROVAL["provider"], b""), "provider"))
        case = store.case(tx, me.id, agreement.negotiation)
        purpose = None if case is None else case.purpose
        text = written(agreement, objects[draft.DATASET], provider, consumer, purpose, self._engine, "en")
        return {} if text is None else {NAME: text}


def written(
    agreement: Agreement,
    snapshot: bytes,
    provider: Party,
    consumer: Party,
    purpose: str | None,
    engine: PolicyEngine,
    lang: str,
) -> bytes | None:
    """The text in `lang`; None where the agreement cannot be said in sentences or `snapshot` (reference 4) not be read.

    `purpose` is the IRI that the consumer asked with.
    """
    clauses = engine.clauses(agreement.document, lang)
    try:
        described: Any = draft.value_of(snapshot)
    except HanseError:
        return None
    version = described.get(f"{HANSE}version") if isinstance(described, dict) else None
    if not clauses or not isinstance(version, str):
        return None
    facts = ContractFacts(
        agreement=agreement.id,
        provider=provider,
        consumer=consumer,
        dataset=agreement.dataset,
        dataset_title=str(described.get("dct:title", "")),
        description_sha256=version,
        dataset_sha256=version if described.get(f"{HANSE}versionOf") == "bytes" else None,
        purpose=engine.label(purpose, lang) if purpose else None,
        concluded_at=engine.signed_at(agreement.policy) or agreement.created_at,
        expires_at=agreement.expires_at,
    )
    return render(facts, clauses, lang).encode()
