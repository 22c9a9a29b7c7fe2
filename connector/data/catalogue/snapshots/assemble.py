"""Puts the public catalogues together: own records first, then whoever else supplies public datasets."""

from collections.abc import Sequence

from msgspec import Struct

from connector.data.catalogue.public import PublicRecords
from connector.data.catalogue.snapshots.making import SWEEP_S, Snapshots
from connector.data.catalogue.snapshots.own import AboutCatalogue, OwnDatasets
from connector.data.catalogue.snapshots.supply import Supplier
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants


class PublicSlice(Struct, frozen=True, kw_only=True):
    """`records` are read as they are now, `snapshots` as harvesters page through them."""

    records: PublicRecords
    snapshots: Snapshots
    work: Work


def assemble(
    infra: Infra, participants: Participants, records: PublicRecords, more: Sequence[Supplier] = ()
) -> PublicSlice:
    snapshots = Snapshots(infra.db, [OwnDatasets(records), *more], AboutCatalogue(participants))
    return PublicSlice(records=records, snapshots=snapshots, work=Work(every={"public": (SWEEP_S, snapshots.sweep)}))
