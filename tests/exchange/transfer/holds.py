"""What tests of held transfers share: rules with a duty to delete, and how both sides stand."""

from typing import Any

from connector.data.dataplane import flows
from connector.exchange.transfer.duties import Done
from connector.exchange.transfer.model import TransferRow
from connector.foundation.clock import FakeClock, rfc3339
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
DAY = 86_400_000
SUSPEND = {"action": "https://w3id.org/hanse/v1#suspendAccess"}
KIND = {"leftOperand": "https://w3id.org/hanse/v1#participantKind", "operator": "eq", "rightOperand": MUNICIPALITY}
ONLY_TOWNS = {"permission": [{"action": "use", "constraint": [KIND]}]}
REVIEWS = "SELECT due_at FROM timer WHERE participant = :participant AND kind = 'review' AND done_at IS NULL"


def clock(towns: Towns) -> FakeClock:
    assert isinstance(towns.clock, FakeClock)
    return towns.clock


def delete_by(at: int) -> dict[str, Any]:
    """The data are to be deleted before this instant, or access is suspended."""
    due = {"leftOperand": "https://w3id.org/hanse/v1#dueBy", "operator": "lt", "rightOperand": rfc3339(at)}
    return {"obligation": [{"action": "odrl:delete", "constraint": [due], "odrl:consequence": [SUSPEND]}]}


def within(anchor: str) -> dict[str, Any]:
    due = {"leftOperand": "https://w3id.org/hanse/v1#dueWithin", "operator": "lteq", "rightOperand": anchor}
    return {"obligation": [{"action": "odrl:delete", "constraint": [due], "odrl:consequence": [SUSPEND]}]}


async def shown(towns: Towns, pair: tuple[TransferRow, TransferRow]) -> list[str]:
    """The transfer and its flow, at the consumer and at the provider."""
    found = []
    for process in pair:
        now = await towns.process(process.participant, process.id)
        flow = await towns.db.read(process.participant, flows.find, process.participant, process.id)
        assert flow is not None
        found += [now.shown, flow.state]
    return found


async def done(towns: Towns, agreement: str, **told: str) -> None:
    """Musterstadt notes that the data were deleted."""
    await towns.db.write(PROVIDER, towns.duties.done, PROVIDER, agreement, Done(action="delete", **told), "steward")
    await towns.run()


RUNS, RESTS = ["STARTED", "STARTED"] * 2, ["SUSPENDED", "SUSPENDED"] * 2
