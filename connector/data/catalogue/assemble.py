"""Puts the slice together: what participants publish, the files that they have uploaded, what members showed them."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from connector.data.catalogue.audience import Audiences, Roster
from connector.data.catalogue.gate import PublicationGate
from connector.data.catalogue.search.find import Index
from connector.data.catalogue.search.upkeep import EVERY_S, Upkeep
from connector.data.catalogue.service import Catalogue
from connector.data.catalogue.snapshots.supply import Imported
from connector.data.catalogue.uploads import SWEEP_S, Bounds, Uploads
from connector.data.sources.kind import Kind
from connector.data.sources.kinds import STANDARD, Sources
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine


class CatalogueSlice(Struct, frozen=True, kw_only=True):
    """`service` publishes and shows; `index` finds what members showed us; `audiences` say who could use what."""

    service: Catalogue
    audiences: Audiences
    index: Index
    uploads: Uploads
    sources: Sources
    work: Work


def assemble(
    infra: Infra,
    participants: Participants,
    engine: PolicyEngine,
    imported: Imported,
    roster: Roster,
    gate: PublicationGate | None = None,
    kinds: Sequence[Kind[Any]] = STANDARD,
) -> CatalogueSlice:
    """`imported`: public datasets that are not the participants' own. `roster`: who belongs to the data space. `gate`:
    who else has to agree to what is published. `kinds`: of sources."""
    data = infra.settings.data
    bounds = Bounds(largest=data.upload_largest, all=data.upload_quota, free=data.keep_free)
    uploads = Uploads(data.files, bounds)
    return CatalogueSlice(
        service=Catalogue(participants, engine, infra.vault.derive("cursor"), imported, roster, gate),
        audiences=Audiences(engine, roster),
        index=Index(infra.vault.derive("find")),
        uploads=uploads,
        sources=Sources(uploads.place, infra.http, infra.vault, kinds),
        # Without a lease, which a process that was killed still holds.
        work=Work(
            alone={"uploads": (SWEEP_S, uploads.sweep)},
            every={"copies": (EVERY_S, Upkeep(infra.db, participants).run)},
        ),
    )
