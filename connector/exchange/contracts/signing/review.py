"""What lies before a person who is to countersign: the documents as one digest, and where they are not our own.

What is read here is what is sealed: the order names the digest, and the errand seals nothing with another one.
"""

from collections.abc import Mapping

import msgspec

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.document import automatic_seal, render
from connector.exchange.contracts.document.automatic_seal import FILES, Known, Own
from connector.exchange.contracts.document.described_data import NAME, read
from connector.exchange.contracts.document.differences import Difference, differences
from connector.exchange.contracts.document.render import NamesFor
from connector.exchange.contracts.document.sealing import digest
from connector.exchange.contracts.model import Agreement
from connector.foundation.errors import Unknown
from connector.foundation.language.reasons import because
from connector.foundation.storage.database import Tx
from connector.identity.participants.service import Hosted
from connector.kernel.policy.engine import PolicyEngine


class Objection(msgspec.Struct, frozen=True):
    """A signed document that we would have written otherwise, and why that matters, by language."""

    name: str
    code: str
    reason: Mapping[str, str]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """`digest` is what the order to countersign names; `files` the SHA-256 of each document by its name in a bundle.

    Without `objections` the countersignature needs nobody. To the provider, who wrote it all, nothing is compared.
    """

    digest: str
    files: Mapping[str, str]
    objections: tuple[Objection, ...] = ()
    differences: tuple[Difference, ...] = ()


class Gathered(msgspec.Struct, frozen=True):
    """What a reading is made from; `known` None: as provider."""

    theirs: Mapping[str, bytes]
    known: Known | None


class Readings:
    """`name_of` is what the trust list calls a DID."""

    def __init__(self, agreements: Agreements, engine: PolicyEngine, name_of: NamesFor) -> None:
        self._agreements, self._engine, self._name_of = agreements, engine, name_of

    def gather(self, tx: Tx, hosted: Hosted, agreement: Agreement) -> Gathered:
        """Raises Unknown before the documents are here."""
        found = self._agreements.sealed(tx, agreement)
        theirs = {name: found[name] for name in FILES}
        case = store.case(tx, agreement.participant, agreement.negotiation)
        if agreement.role == "provider":
            return Gathered(theirs, None)
        if case is None:
            raise Unknown("contracts.unknown", id=agreement.negotiation)
        shown = object_store.objects(tx, agreement.participant, case.id, NAME).get(NAME)
        known = automatic_seal.known(hosted, case, agreement, read(shown), self._name_of)
        return Gathered(theirs, automatic_seal.with_agent(known, theirs[render.PROVIDER]))

    def read(self, found: Gathered) -> Reading:
        """Beside the event loop: a hostile document may take a while."""
        files = {name: digest(body) for name, body in found.theirs.items()}
        whole = automatic_seal.digest(found.theirs)
        if found.known is None:
            return Reading(digest=whole, files=files)
        own = Own(found.known, self._engine)
        against = automatic_seal.objections(own, found.theirs)
        return Reading(
            digest=whole,
            files=files,
            objections=tuple(_told(one) for one in against),
            differences=differences(automatic_seal.compared(own, found.theirs), found.theirs),
        )


def _told(one: automatic_seal.Objection) -> Objection:
    said = because(one.code)
    return Objection(one.name, one.code, {lang: " ".join(sentences) for lang, sentences in said.items()})
