"""What operators watch: the outbox, open processes by state, certificates that end, and a line per change of state.

No participant's partner, data or person is named in a figure or a line: a slug, an id and a state are all.
"""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from cryptography import x509

from connector.foundation.clock import Clock
from connector.foundation.storage.database import HELD, WORKER, Database, HeldLoop, Tx
from connector.foundation.telemetry import Labels, Metrics, says
from connector.identity.participants.service import Hosted, Participants

NOUNS: Final = ("negotiation", "transfer")
REMEMBERED: Final = 10_000
"""Processes whose last state is known here; of one that was forgotten a state may be told twice."""
log = structlog.get_logger("process")


class Counted(NamedTuple):
    """Open outbox rows by kind, when the oldest was written (ms), and open processes by noun and state."""

    outbox: Mapping[str, int]
    oldest: int | None
    states: Mapping[tuple[str, str], int]


class Monitoring:
    """Figures are read when somebody asks for them; nothing walks by itself."""

    def __init__(
        self, db: Database, clock: Clock, participants: Participants, metrics: Metrics, tls: Path | None
    ) -> None:
        self._db, self._clock, self._participants, self._metrics, self._tls = db, clock, participants, metrics, tls
        self._counted = Counted({}, None, {})
        self._hosted: list[Hosted] = []
        self._last: OrderedDict[tuple[str, str], str] = OrderedDict()
        metrics.gauges("hanse_outbox_waiting", "Outbox rows not done yet, by kind.", self._waiting)
        metrics.gauge("hanse_outbox_oldest_seconds", "Age of the oldest outbox row not done yet.", self._age)
        for noun in NOUNS:
            metrics.gauges(f"hanse_{noun}s_open", f"Open {noun}s by state.", partial(self._states, noun))
        metrics.gauges(
            "hanse_certificate_days", "Days until a certificate ends, the soonest first.", self._certificates
        )

    def start(self) -> None:
        """From now on every change of state that this process makes has a line in its log."""
        for noun in NOUNS:
            self._db.listen(noun, partial(self._changed, noun))
        self._db.listen(HELD, self._left_the_loop)

    async def look(self) -> None:
        """Before a scrape."""
        self._counted = await self._db.read(WORKER, _count)
        self._hosted = await self._participants.all()

    @property
    def counted(self) -> Counted:
        """As it was at the last look."""
        return self._counted

    def certificates(self) -> list[tuple[str, str, float]]:
        """(`seal` or `tls`, slug or empty, days left), the soonest first, as of the last look."""
        return [
            (dict(label)["certificate"], dict(label)["participant"], days)
            for label, days in sorted(self._certificates().items(), key=lambda one: one[1])
        ]

    def failed(self, kind: str, why: str) -> None:
        """An errand of the outbox did not succeed and will be tried again; `why` is the code of the error."""
        self._metrics.count("hanse_deliveries_failed_total", "Attempts that failed, by kind.", kind=kind, why=why)

    def _changed(self, noun: str, value: object) -> None:
        """None where another replica changed it: that one writes the line."""
        if isinstance(value, tuple):
            participant, process, state = value
            if self._last.get((participant, process)) == state:
                return  # saved once more, for instance because the partner has acknowledged it
            self._last[participant, process] = state
            self._last.move_to_end((participant, process))
            if len(self._last) > REMEMBERED:
                self._last.popitem(last=False)
            if says("info"):
                log.info("process.state", noun=noun, participant=participant, process=process, state=state)
            self._metrics.count(
                "hanse_state_changes_total", "Changes of state that this process made.", noun=noun, state=state
            )

    def _left_the_loop(self, value: object) -> None:
        """A unit of the database was too long for the event loop, and works on a thread from now on."""
        if isinstance(value, HeldLoop):
            log.warning("database.held", unit=value.unit, ms=value.ms)
            self._metrics.count(
                "hanse_database_held_total",
                "Units that held the event loop and work on a thread since.",
                unit=value.unit,
            )

    def _waiting(self) -> Mapping[Labels, float]:
        return {(("kind", kind),): float(count) for kind, count in sorted(self._counted.outbox.items())}

    def _age(self) -> float:
        oldest = self._counted.oldest
        return 0.0 if oldest is None else max(0.0, (self._clock.now() - oldest) / 1000)

    def _states(self, noun: str) -> Mapping[Labels, float]:
        found = sorted(self._counted.states.items())
        return {(("state", state),): float(count) for (one, state), count in found if one == noun}

    def _certificates(self) -> Mapping[Labels, float]:
        """`participant` is empty for the one of TLS; what cannot be read ends at once."""
        found: list[tuple[float, Labels]] = [
            (self._days(hosted.chain[0]), (("certificate", "seal"), ("participant", hosted.participant.id)))
            for hosted in self._hosted
            if hosted.chain
        ]
        if self._tls is not None:
            found.append((self._tls_days(self._tls), (("certificate", "tls"), ("participant", ""))))
        return {label: days for days, label in sorted(found)}

    def _tls_days(self, path: Path) -> float:
        try:
            return self._left(x509.load_pem_x509_certificates(path.read_bytes())[0])
        except (OSError, ValueError):
            return 0.0

    def _days(self, der: bytes) -> float:
        return self._left(x509.load_der_x509_certificate(der))

    def _left(self, certificate: x509.Certificate) -> float:
        return certificate.not_valid_after_utc.timestamp() / 86_400 - self._clock.now() / 86_400_000


def _count(tx: Tx) -> Counted:
    rows = tx.all(
        "SELECT kind, count(*) AS n, min(created_at) AS oldest FROM outbox WHERE done_at IS NULL GROUP BY kind"
    )
    states: dict[tuple[str, str], Any] = {}
    for noun in NOUNS:
        found = tx.all(f"SELECT state, count(*) AS n FROM {noun} WHERE settled = 0 GROUP BY state")  # noqa: S608 NOUNS
        states |= {(noun, row["state"]): row["n"] for row in found}
    oldest = min((row["oldest"] for row in rows), default=None)
    return Counted({row["kind"]: row["n"] for row in rows}, oldest, states)
