"""What Eclipse EDC makes of a policy, as it was seen on the wire, and nothing more."""

import copy
from typing import Any

from connector.kernel.dialects.policies.edc import echo, preview

H = "https://w3id.org/hanse/v1#"
PUBLISHED: dict[str, Any] = {
    "profile": "https://w3id.org/hanse/v1",
    "odrl:conflict": {"@id": "odrl:prohibit"},
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "and": [
                        {
                            "leftOperand": f"{H}participantKind",
                            "operator": "isAnyOf",
                            "rightOperand": [f"{H}municipality", f"{H}county", f"{H}intermunicipalAssociation"],
                        },
                        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2100-01-01T00:00:00+01:00"},
                    ]
                }
            ],
        }
    ],
    "prohibition": [{"action": "odrl:distribute"}, {"action": f"{H}aiTraining"}],
}
HEARD: dict[str, Any] = {
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "and": [
                        {
                            "leftOperand": "https://w3id.org/hanse/v1#participantKind",
                            "operator": "isAnyOf",
                            "rightOperand": '[{"@value":"https://w3id.org/hanse/v1#municipality"},'
                            '{"@value":"https://w3id.org/hanse/v1#county"},'
                            '{"@value":"https://w3id.org/hanse/v1#intermunicipalAssociation"}]',
                        },
                        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2100-01-01T00:00:00+01:00"},
                    ]
                }
            ],
        }
    ],
    "prohibition": [{"action": "odrl:distribute"}, {"action": "https://w3id.org/hanse/v1#aiTraining"}],
}
"""The rules of the request that 0.15.1 sent for `PUBLISHED`."""


def test_the_echo_is_what_was_heard() -> None:
    before = copy.deepcopy(PUBLISHED)
    assert echo(PUBLISHED) == HEARD
    assert before == PUBLISHED


def test_only_a_list_becomes_text() -> None:
    """One operand stays as it is, a reference in a list keeps its form, and members of other names are no operands."""
    one = {"permission": [{"constraint": [{"rightOperand": ["a"]}, {"rightOperand": 5}], "assignee": ["a", "b"]}]}
    assert echo(one) == one
    two = {"duty": {"rightOperand": [{"@id": "ä"}, "b"]}}
    assert echo(two) == {"duty": {"rightOperand": '[{"@id":"ä"},{"@value":"b"}]'}}


def test_an_echo_echoes_no_further() -> None:
    assert echo(HEARD) == HEARD


def test_the_preview_names_what_edc_loses_and_does_not_evaluate() -> None:
    found = preview(PUBLISHED)
    assert found.lost == ("conflict", "profile")
    assert found.unread == (f"{H}participantKind", "http://www.w3.org/ns/odrl/2/dateTime")
    assert found.clauses == 2


def test_the_preview_sees_every_part_of_a_rule() -> None:
    duty = {"constraint": [{"leftOperand": "x"}]}
    rule = {"action": "use", "assignee": "did:web:a", "odrl:remedy": [], "duty": [duty]}
    found = preview({"permission": rule, "obligation": [{"action": "use", "odrl:consequence": []}]})
    assert found.lost == ("assignee", "consequence", "remedy")
    assert found.unread == ("x",)


def test_the_word_of_edc_for_a_period_is_evaluated() -> None:
    clause = {"leftOperand": {"@id": "https://w3id.org/edc/v0.0.1/ns/inForceDate"}}
    assert preview({"permission": [{"action": "use", "constraint": [clause]}]}).clauses == 0


def test_the_preview_bears_anything() -> None:
    assert preview({"permission": [None, 5, {"constraint": {"leftOperand": 5}}], "x": {}}).clauses == 0
