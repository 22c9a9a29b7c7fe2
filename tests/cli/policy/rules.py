"""The rule that the tests of `hanse policy` show, explain and check, and a request that it permits."""

from typing import Any

H = "https://w3id.org/hanse/v1#"
CITY = f"{H}municipality"
RULE: dict[str, Any] = {
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
                            "rightOperand": [f"{H}municipality"],
                        },
                        {"leftOperand": "odrl:purpose", "operator": "isAnyOf", "rightOperand": [f"{H}research"]},
                        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2090-01-01T00:00:00+01:00"},
                    ]
                }
            ],
        }
    ],
    "prohibition": [{"action": "odrl:distribute"}],
}
GOOD = ("--as", "did:web:a", "--as", "municipality", "--purpose", "research", "--at", "2027-01-01")
