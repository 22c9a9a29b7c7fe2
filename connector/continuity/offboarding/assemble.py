"""Puts the slice together: who closes participants and who deletes them, over contracts, transfers and catalogue."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from connector.continuity.offboarding.close import Closing
from connector.continuity.offboarding.contracts import EndContracts
from connector.continuity.offboarding.delete import EVERY_S, Deletion, Struck
from connector.continuity.privacy.unexpired import Unexpired
from connector.data.catalogue.service import Catalogue
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.termination.statement import Terminations
from connector.exchange.transfer.service import Transfers
from connector.identity.infra import Infra
from connector.identity.jobs.background import Background
from connector.identity.jobs.work import Work, for_replicas
from connector.identity.participants.service import Participants


class OffboardingSlice(Struct, frozen=True, kw_only=True):
    closing: Closing
    deletion: Deletion
    work: Work


def assemble(
    infra: Infra,
    participants: Participants,
    contracts: Contracts,
    terminations: Terminations,
    transfers: Transfers,
    catalogue: Catalogue,
    *,
    folders: Sequence[Path],
    struck: Struck,
    periods: Unexpired,
) -> OffboardingSlice:
    """In each of `folders` a participant has a folder or a file by its name; `periods` are those of retention."""
    ended = EndContracts(contracts, terminations)
    closing = Closing(infra.db, infra.clock, participants, ended, transfers, catalogue, infra.vault, periods)
    deletion = Deletion(infra.db, participants, closing, ended, folders, struck, periods)
    leaving, deleting = Background("leaving", closing.job), Background("deleting", deletion.job)
    work = Work(
        every={"leaving": (EVERY_S, leaving.begin), "deleting": (EVERY_S, deleting.begin)},
        alone={"left": (for_replicas(infra.db, EVERY_S), deletion.notice)},
        rounds=(leaving, deleting),  # nobody's timers wait for these
    )
    return OffboardingSlice(closing=closing, deletion=deletion, work=work)
