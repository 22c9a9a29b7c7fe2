"""Puts together the data plane of this process: what it serves, pulls and pushes, and whom it asks before."""

from msgspec import Struct

from connector.data.dataplane.gate import Gate
from connector.data.dataplane.streams import Streams
from connector.data.sources.kinds import Sources
from connector.exchange.transfer.plane.data_access import DataAccess
from connector.exchange.transfer.plane.plane_ports import PlanePorts
from connector.exchange.transfer.plane.pull_errand import LocalPlane
from connector.exchange.transfer.plane.push_errand import Pusher
from connector.exchange.transfer.plane.reports import Reports
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work


class DataPlane(Struct, frozen=True, kw_only=True):
    """`ports` is what the plane asks and reports, `local` fetches and keeps what participants receive."""

    streams: Streams
    sources: Sources
    ports: PlanePorts
    gate: Gate
    local: LocalPlane
    work: Work


def assemble(infra: Infra, access: DataAccess, reports: Reports, sources: Sources) -> DataPlane:
    """`sources` opens what participants publish."""
    db, clock, http, data = infra.db, infra.clock, infra.http, infra.settings.data
    streams, ports = Streams(clock, access.serves), PlanePorts(db, access, reports)
    gate = Gate(db, ports, clock)
    local = LocalPlane(db, clock, reports, http, infra.vault, data.received, streams, data.largest, data.keep_free)
    pusher = Pusher(db, clock, access, reports, gate, streams, sources, http, infra.vault)
    return DataPlane(
        streams=streams,
        sources=sources,
        ports=ports,
        gate=gate,
        local=local,
        work=Work(handlers={"pull": local.pull, "push": pusher.push}),
    )
