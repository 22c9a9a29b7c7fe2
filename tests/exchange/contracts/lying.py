"""A provider that seals its own words: what it may put where, and how the consumer then stands (threat T65)."""

import json
from typing import Any

from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import draft, render, sealing
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.signing.review import Reading, Readings
from connector.kernel.protocol.messages import HANSE
from tests.testkit.forging import Change, forged
from tests.testkit.towns import Towns

PROVIDER, CONSUMER = "musterstadt", "nachbardorf"
APPROVAL = render.PROVIDER
HEAD = Approval(role="Amtsleitung", pseudonym="p-7f3a91")
PRICE = "Der Datennehmer zahlt 100.000 EUR je Monat"


def swapped(old: str, new: str) -> Change:
    """A text with something else in one place."""

    def change(body: bytes) -> bytes:
        text = body.decode()
        assert old in text
        return text.replace(old, new, 1).encode()

    return change


def saying(**members: Any) -> Change:
    """JSON with further or other members, in canonical form."""
    return lambda body: sealing.canonical({**json.loads(body), **members})


def _reordered(body: bytes) -> bytes:
    return json.dumps(dict(reversed(json.loads(body).items())), separators=(",", ":"), ensure_ascii=False).encode()


def _spread(body: bytes) -> bytes:
    return json.dumps(json.loads(body), sort_keys=True, indent=1, ensure_ascii=False).encode()


TEXT: dict[str, Change] = {
    "an added sentence": swapped("</main>", f"<p>{PRICE}.</p></main>"),
    "another precedence clause": swapped("so geht die maschinenlesbare Regel vor", "so geht dieser Text vor"),
    "a script": swapped("</main>", "<script>document.body.textContent=''</script></main>"),
    "an attribute": swapped("<main>", "<main hidden>"),
    "a style": swapped("</style>", "td { display: none; }\n</style>"),
    "a comment": swapped("<main>", f"<main><!-- {PRICE} -->"),
    "white space": swapped("<main>\n", "<main>\n\n"),
    "a confusable letter": swapped("Musterstadt", "Muster\u0455tadt"),
    "an invisible sign": swapped("Musterstadt", "Muster\u200bstadt"),
}
JSON: dict[str, tuple[str, Change]] = {
    f"{what}, {name}": (name, change)
    for name in (draft.PROFILE, draft.DATASET)
    for what, change in {
        "a further member": saying(note=PRICE),
        "members in another order": _reordered,
        "other spacing": _spread,
    }.items()
}
OTHERS: dict[str, tuple[str, Change]] = {
    "another form": (draft.PROFILE, saying(textForm=2)),
    "no form": (draft.PROFILE, lambda body: sealing.canonical(_without(body, "textForm"))),
    "another operand": (draft.PROFILE, saying(operands={"https://w3id.org/hanse/v1#x": {"source": PRICE}})),
    "another vocabulary": (draft.PROFILE, saying(vocabulary="0" * 64)),
    "another title": (draft.DATASET, saying(**{"dct:title": "Bäume gegen Entgelt"})),
    "another description": (draft.DATASET, saying(**{"dct:description": PRICE})),
    "another file name": (draft.DATASET, saying(**{f"{HANSE}fileName": f"{PRICE}.csv"})),
    "a person at the provider's": (APPROVAL, saying(role=PRICE, pseudonym="p-7f3a91")),
    "another rule": (APPROVAL, saying(rule=PRICE)),
    "another moment": (APPROVAL, saying(at=PRICE)),
}
ALL: dict[str, tuple[str, Change]] = {
    **{name: (draft.TEXT, change) for name, change in TEXT.items()},
    **JSON,
    **OTHERS,
}


def _without(body: bytes, member: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(body).items() if name != member}


async def lying(towns: Towns, name: str, change: Change, **wish: Any) -> NegotiationRow:
    """Musterstadt seals that instead; everything that can be delivered is. The consumer's negotiation."""
    with forged({name: change}):
        asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER, **wish))
        await towns.run()
    return await towns.case(CONSUMER, asked.id)


async def asked(towns: Towns, case: NegotiationRow) -> str:
    """Nothing is sealed, a person is asked, and the negotiation waits; why, as a key."""
    assert case.shown == "AGREED"
    assert f"{CONSUMER}: ContractAgreementVerificationMessage" not in towns.wire.sent
    assert (await towns.agreement(CONSUMER, case.agreement)).consumer_jws is None
    found = await towns.rows(CONSUMER, "SELECT kind, facts FROM question WHERE participant = :participant")
    assert [one["kind"] for one in found] == ["countersign"]
    return str(json.loads(found[0]["facts"])["fault"])


async def read(towns: Towns, case: NegotiationRow) -> Reading:
    readings = Readings(towns.contracts.agreements, towns.engine, towns.name_of)
    hosted, agreement = await towns.participants.get(CONSUMER), await towns.agreement(CONSUMER, case.agreement)
    return readings.read(await towns.db.read(CONSUMER, readings.gather, hosted, agreement))


async def order(towns: Towns, case: NegotiationRow, digest: str, by: Approval = HEAD) -> None:
    rules = towns.contracts.countersigning
    await towns.db.write(CONSUMER, rules.order, CONSUMER, case.agreement, by, digest)
