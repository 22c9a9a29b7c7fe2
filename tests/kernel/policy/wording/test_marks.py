"""How a step is marked: what is owed and not done is open, what follows from a breach is no clause that failed."""

from typing import Any

import pytest

from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.evaluation.duty_states import SUSPEND
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed
from connector.kernel.policy.wording.explain import tree
from connector.kernel.policy.wording.marks import DUTIES, MARKS, mark
from connector.kernel.policy.wording.outline import outline
from connector.kernel.policy.wording.words import Words
from tests.kernel.policy.cases import KIND, NOW, ODRL, H, atom, firm, use
from tests.kernel.policy.deciding import decide

DELETE, PAY = "odrl:delete", "odrl:compensate"
BY = atom(H + "dueBy", "lt", "2026-11-01T00:00:00Z")
LATER = atom(H + "dueBy", "lt", "2028-11-01T00:00:00Z")
SUSPENDS = {"odrl:consequence": [{"action": H + "suspendAccess"}]}
COUNTY = {"participantKind": H + "county"}
"""Whom the condition `KIND` is about; it says so of a duty too: the duty is theirs alone."""


def deed(action: str, ago: int = 1000) -> Deed:
    return Deed(action=action.replace("odrl:", ODRL), at=NOW - ago, party="did:web:firm")


def duty(action: str, *constraints: object, **members: Any) -> dict[str, Any]:
    return {"action": action, "constraint": list(constraints), **members}


def marked(vocabulary: Vocabulary, words: Words, document: Any, phase: Any = "access", **world: Any) -> list[str]:
    """The lines of duties and what follows from them, without the branches that lead to them."""
    text = outline(decide(parse(document), firm(vocabulary, **world), phase), words)
    kinds = ("Pflicht", "Folge", "Abhilfe")
    return [line.split("+- ", 1)[1] for line in text.split("\n") if any(kind in line for kind in kinds)]


OWED = use(obligation=duty(PAY, LATER))
MISSED = use(obligation=duty(DELETE, BY, **SUSPENDS))
FINED = use(
    obligation=duty(DELETE, BY, **{"odrl:consequence": [duty(PAY, atom(H + "dueWithin", "lt", "violation+P40D"))]})
)
THEIRS = use(obligation=duty(DELETE, KIND, BY, **SUSPENDS))
BREACH = {"action": "odrl:distribute", "remedy": [{"action": H + "suspendAccess"}, {"action": DELETE}]}


@pytest.mark.parametrize(
    ("document", "world", "lines"),
    [
        (OWED, {}, ["[offen]  Allgemeine Pflicht „Bezahlung“; Frist: bis 01.11.2028, 01:00:00 Uhr (MEZ)"]),
        (
            OWED,
            {"deeds": (deed(PAY),)},
            ["[ja]     Allgemeine Pflicht „Bezahlung“: erfüllt; Frist: bis 01.11.2028, 01:00:00 Uhr (MEZ)"],
        ),
        (
            MISSED,
            {},
            [
                "[NEIN]   Allgemeine Pflicht „Löschung“: verletzt, der Zugriff ist gesperrt",
                "[NEIN]   Allgemeine Pflicht „Löschung“: verletzt; Frist: bis 01.11.2026, 01:00:00 Uhr (MEZ)",
                "[ja]     Folge „Sperrung des Zugriffs“: in Kraft",
            ],
        ),
        (
            MISSED,
            {"deeds": (deed(DELETE),)},
            [
                "[ja]     Allgemeine Pflicht „Löschung“: verspätet nachgeholt; Frist: bis 01.11.2026, "
                "01:00:00 Uhr (MEZ)",
                "[-]      Folge „Sperrung des Zugriffs“: gilt hier nicht",
            ],
        ),
        (
            FINED,
            {},
            [
                "[NEIN]   Allgemeine Pflicht „Löschung“: verletzt; Frist: bis 01.11.2026, 01:00:00 Uhr (MEZ)",
                "[offen]  Folge „Bezahlung“; Frist: bis 11.12.2026, 01:00:00 Uhr (MEZ)",
            ],
        ),
        (THEIRS, {}, ["[-]      Allgemeine Pflicht „Löschung“: gilt hier nicht"]),
        (
            THEIRS,
            {"claims": COUNTY},
            [
                "[NEIN]   Allgemeine Pflicht „Löschung“: verletzt, der Zugriff ist gesperrt",
                "[NEIN]   Allgemeine Pflicht „Löschung“: verletzt; Frist: bis 01.11.2026, 01:00:00 Uhr (MEZ)",
                "[ja]     Folge „Sperrung des Zugriffs“: in Kraft",
            ],
        ),
        (
            use(prohibition=BREACH),
            {"deeds": (deed("odrl:distribute"),)},
            [
                "[ja]     Abhilfe „Sperrung des Zugriffs“: in Kraft",
                "[offen]  Abhilfe „Löschung“",
            ],
        ),
        (
            use(prohibition=BREACH),
            {"deeds": (deed("odrl:distribute"), deed(DELETE, 500))},
            [
                "[-]      Abhilfe „Sperrung des Zugriffs“: gilt hier nicht",
                "[ja]     Abhilfe „Löschung“: erfüllt",
            ],
        ),
        (
            use(permission={"action": "use", "duty": duty("odrl:attribute")}),
            {},
            ["[offen]  Pflicht „Nennung der Quelle“"],
        ),
        (use(permission={"action": "use", "duty": duty(PAY)}), {}, ["[NEIN]   Pflicht „Bezahlung“"]),
        (
            use(permission={"action": "use", "duty": duty(PAY)}),
            {"deeds": (deed(PAY),)},
            ["[ja]     Pflicht „Bezahlung“: erfüllt"],
        ),
        (
            use(permission={"action": "use", "duty": duty(PAY, KIND)}),
            {},
            ["[-]      Pflicht „Bezahlung“: gilt hier nicht"],
        ),
        (
            use(permission={"action": "use", "duty": duty("odrl:anonymize")}),
            {"can": frozenset({ODRL + "anonymize"})},
            ["[ja]     Pflicht „Anonymisierung“"],
        ),
        (use(permission={"action": "use", "duty": duty("odrl:anonymize")}), {}, ["[NEIN]   Pflicht „Anonymisierung“"]),
    ],
    ids=str,
)
def test_bug_what_is_owed_and_not_done_was_marked_with_yes(
    vocabulary: Vocabulary, german: Words, document: Any, world: Any, lines: list[str]
) -> None:
    """>> a duty not done yet, done, missed, made good, of others << open, yes, no, yes, none."""
    assert marked(vocabulary, german, document, **world) == lines


@pytest.mark.parametrize("phase", PHASES)
def test_before_the_access_no_duty_is_marked_as_done(vocabulary: Vocabulary, german: Words, phase: Any) -> None:
    """>> a duty for afterwards and a general one, in each phase << open or later."""
    document = use(permission={"action": "use", "duty": duty("odrl:attribute")}, obligation=duty(PAY, LATER))
    lines = marked(vocabulary, german, document, phase)
    assert len(lines) == 2
    assert all(line.startswith(("[offen]", "[später]")) for line in lines)


def steps(node: Node, above: Node | None = None) -> list[tuple[Node, Node | None]]:
    return [(node, above), *(found for child in node.children for found in steps(child, node))]


@pytest.mark.parametrize("document", [OWED, MISSED, FINED, THEIRS, use(prohibition=BREACH)], ids=str)
@pytest.mark.parametrize("done", [(), (DELETE,), (PAY,), ("odrl:distribute", DELETE), ("odrl:distribute",)], ids=str)
@pytest.mark.parametrize("claims", [{}, COUNTY], ids=str)
def test_the_mark_is_what_the_decision_says_of_the_duty(
    vocabulary: Vocabulary, german: Words, document: Any, done: tuple[str, ...], claims: Any
) -> None:
    """>> duties of each kind, with each deed << yes only of what was done or in force, no only if missed."""
    deeds = tuple(deed(action, 2000 - number) for number, action in enumerate(done))
    decision = decide(parse(document), firm(vocabulary, deeds=deeds, claims=claims), "access")
    for node, above in steps(decision.tree):
        if node.kind not in DUTIES:
            continue
        found = mark(node, above)
        assert found in MARKS
        assert tree(node, german, above)["mark"] == found
        if found == "yes":
            stops = node.item.action.iri == SUSPEND  # type: ignore[union-attr]
            assert node.deontic in ("fulfilled", "healed") or (stops and above and above.deontic == "violated")
        if found == "no":
            assert node.deontic == "violated"
        if found == "open":
            assert node.deontic == "not-set"


def test_each_mark_has_its_own_sign_of_one_width(words: Words) -> None:
    """No two alike, in either language, and the texts behind them begin in one column."""
    assert len(set(words.marks.values())) == len(MARKS)
    assert {len(sign) for sign in words.marks.values()} == {9}
