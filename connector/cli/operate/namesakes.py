"""A remark about others here whose name looks like that of who was just added, or has come (threat T148)."""

from collections.abc import Mapping
from typing import Any

from connector.cli.frame.call import Call


def tell(call: Call, found: Mapping[str, Any]) -> None:
    """`found`: what the management surface says of a participant or an arrival."""
    for other in found.get("alike", ()):
        call.tell("participant.alike", name=other["name"], slug=other["slug"])
