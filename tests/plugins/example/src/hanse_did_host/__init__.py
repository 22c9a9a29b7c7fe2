"""Example plug-in: a left operand for the host in the requester's DID.

`did:web:datenraum.nachbarstadt.de:towns:nord` has the host `datenraum.nachbarstadt.de`. The connector has verified the
DID before it asks, so the value is as good as a credential.
"""

from urllib.parse import unquote

from connector.plugin import Type, Value, World, left_operand

_PREFIX = "did:web:"


@left_operand(
    "https://hanse-did-host.example/ns#didHost",
    type=Type.TEXT,
    source="verified-credential",
    phases=["catalog", "negotiation", "transfer", "access"],
    operators=["eq", "neq", "isAnyOf", "isNoneOf"],
)
def did_host(world: World) -> Value:
    """The host without its port; None, which is "unknown", for every other kind of DID."""
    if not world.participant.startswith(_PREFIX):
        return None
    host = unquote(world.participant.removeprefix(_PREFIX).partition(":")[0]).partition(":")[0]
    return frozenset((host.casefold(),)) if host else None
