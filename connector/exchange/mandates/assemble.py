"""Puts the slice together: the service, the job by which what is over ends, and the errand that seals a withdrawal."""

from msgspec import Struct

from connector.exchange.mandates.service import SEAL, Mandates
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants

LOOK_S = 10.0


class MandateSlice(Struct, frozen=True, kw_only=True):
    service: Mandates
    work: Work


def assemble(infra: Infra, participants: Participants) -> MandateSlice:
    service = Mandates(infra.db, infra.clock, participants)
    work = Work(handlers={SEAL: service.seal_withdrawal}, every={"mandates": (LOOK_S, service.expire)})
    return MandateSlice(service=service, work=work)
