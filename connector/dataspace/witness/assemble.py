"""Puts the slice together: this process as a witness for others, others as witnesses for its logs, and timestamps."""

from msgspec import Struct

from connector.dataspace.witness.ask import Witnesses
from connector.dataspace.witness.keys import WitnessKeys
from connector.dataspace.witness.timestamp_job import LOOK_S, TimestampJob
from connector.foundation.settings.load import public_url
from connector.identity.infra import Infra
from connector.identity.jobs.background import Background
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor


class WitnessSlice(Struct, frozen=True, kw_only=True):
    """`keys` vouch for others, `witnesses` are asked to vouch for us."""

    keys: WitnessKeys
    witnesses: Witnesses
    work: Work


def assemble(infra: Infra, participants: Participants, anchor: Anchor) -> WitnessSlice:
    db, settings = infra.db, infra.settings
    keys = WitnessKeys(db, infra.vault, f"{public_url(settings)}/witness")
    witnesses = Witnesses(
        db,
        infra.clock,
        participants,
        anchor,
        infra.http,
        settings.witness,
        keys.name,
        settings.folder / "log",
        infra.metrics,
    )
    cosign = Background("cosign", witnesses.look)
    work = Work(every={"cosign": (settings.witness.look_s, cosign.begin)}, rounds=(cosign,))
    return WitnessSlice(keys=keys, witnesses=witnesses, work=_stamped(work, infra, participants))


def _stamped(work: Work, infra: Infra, participants: Participants) -> Work:
    """With timestamps, where the settings name an authority."""
    job = TimestampJob.of(infra.settings, infra.db, participants)
    if job is None:
        return work
    return Work(every={**work.every, "timestamps": (LOOK_S, job.begin)}, rounds=(*work.rounds, job))
