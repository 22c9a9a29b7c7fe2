"""Writes the decisions of this release: `python -m tests.kernel.policy.recorded.write`; what exists stays as it is."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.evaluation.record import ENGINE, plain, record
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World
from tests.kernel.policy.rich import RICH
from tests.kernel.policy.worlds import (
    CLOSURE,
    COUNT,
    DAILY,
    DAY,
    ELAPSED,
    FROM,
    KIND,
    NOW,
    ODD,
    PURPOSE,
    SIZE,
    TODAY,
    TOWN,
    UNTIL,
    H,
    O,
    at,
    atom,
)

FOLDER = Path(__file__).parent
VOCABULARY = "test"
DELETE = {"action": "odrl:delete", "constraint": [atom(H + "dueBy", "lt", at(NOW - DAY))]}
STOP = {"odrl:consequence": [{"action": H + "suspendAccess"}, {"action": "odrl:inform"}]}


def use(*constraints: object, **members: Any) -> dict[str, Any]:
    permission = {"permission": [{"action": "use", "constraint": list(constraints)}]}
    return permission | {"odrl:conflict": {"@id": "odrl:prohibit"}} | members


DOCUMENTS: dict[str, dict[str, Any]] = {
    "kind, purpose, period": use({"and": [KIND, PURPOSE, UNTIL]}),
    "one of several": use({"or": [ODD, KIND, TODAY]}),
    "exactly one": use({"xone": [KIND, ODD]}, {"xone": [UNTIL, FROM]}),
    "in order": use({"andSequence": {"@list": [KIND, UNTIL]}}),
    "counted": use(COUNT, DAILY),
    "elapsed and size": use(ELAPSED, SIZE),
    "a later start": use(FROM),
    "not understood": use(ODD),
    "forbidden": use(prohibition=[{"action": "use", "constraint": [KIND]}]),
    "a clash": use(**{"prohibition": [{"action": "use"}], "odrl:conflict": {"@id": "odrl:invalid"}}),
    "with remedy": use(prohibition=[{"action": "odrl:distribute", "odrl:remedy": [{"action": "odrl:inform"}]}]),
    "duties": {
        "permission": [
            {
                "action": "use",
                "duty": [
                    {"action": "odrl:compensate", "constraint": [atom("odrl:payAmount", "gteq", "5", unit="EUR")]},
                    {"action": "odrl:anonymize"},
                    {"action": "odrl:attribute"},
                ],
            }
        ]
    },
    "deleted or suspended": use(obligation=[DELETE | STOP]),
    "a collection": use(
        permission=[{"action": "use", "assignee": {"@type": "PartyCollection", "source": "urn:towns"}}]
    ),
    "an offer": use(KIND, **{"@type": "Offer"}),
    "everything": RICH,
}
WORLDS: dict[str, World] = {
    "knows all": World(
        now=NOW,
        participant=TOWN,
        clock="synchronised",
        target="urn:trees",
        facts={
            H + "participantKind": Fact(frozenset({H + "county"}), "verified-credential", "trust-list"),
            O + "absoluteSize": Fact(1_500_000, unit="urn:mb"),
        },
        parties=frozenset({"urn:towns"}),
        purpose=H + "winterService",
        purpose_source="declared",
        agreement_at=NOW - DAY,
        agreement_end=NOW + DAY,
        first_access=NOW - DAY,
        uses={"": 2, "P1D": 1},
        deeds=(
            Deed(
                action=O + "compensate",
                at=NOW - 5,
                party=TOWN,
                values={O + "payAmount": 5_000_000, H + "currency": frozenset({"EUR"})},
                evidence="receipt:1",
            ),
            Deed(action=O + "distribute", at=NOW - 4),
            Deed(action=O + "inform", at=NOW - 3),
            Deed(action=O + "delete", at=NOW - 2, rule="/obligation/0"),
        ),
        can=frozenset({O + "anonymize"}),
        closure=CLOSURE,
    ),
    "knows little": World(now=NOW + 3 * DAY, participant=TOWN, purpose_source="contractual", closure=CLOSURE),
    "is somebody else": World(
        now=NOW,
        participant="did:web:other",
        action=O + "distribute",
        facts={H + "participantKind": Fact(frozenset({H + "company"}), "declared")},
        purpose=H + "research",
        purpose_source="declared",
        uses={"": 3, "P1D": 3},
        closure=CLOSURE,
    ),
}


def decisions() -> Iterator[dict[str, object]]:
    """Every policy, asked by whoever knows all in each phase and by the others in two."""
    for title, document in DOCUMENTS.items():
        program = compile(parse(document))
        for who, world in WORLDS.items():
            for phase in PHASES if who == "knows all" else PHASES[1::2]:
                kept = record(program.examine(world, phase), world, document, vocabulary=VOCABULARY)
                yield {"document": title, "world": who, "record": kept}


def main() -> int:
    target = FOLDER / f"decisions-{ENGINE}.json"
    if target.exists():
        print(f"{target.name} exists and stays as it is", file=sys.stderr)
        return 1
    found = {
        "engine": ENGINE,
        "closure": {iri: sorted(wider) for iri, wider in CLOSURE.above.items()},
        "documents": DOCUMENTS,
        "worlds": {who: plain(world) for who, world in WORLDS.items()},
        "decisions": list(decisions()),
    }
    target.write_bytes(msgspec.json.format(msgspec.json.encode(found, order="sorted"), indent=1) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
