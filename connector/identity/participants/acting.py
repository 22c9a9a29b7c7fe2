"""Who acts for a participant by a mandate, as its key in use says (spec/mandates.md 1).

A participant that was ever acted for signs with nobody's key once the mandate is over: nothing goes on by itself.
"""

from typing import Final

import msgspec

from connector.foundation.errors import Unavailable

NEGOTIATE: Final = "negotiate"
PUBLISH: Final = "publish"
SERVE: Final = "serve"


class Acting(msgspec.Struct, frozen=True, kw_only=True):
    """The mandate in force: `sha256` names it, `agent` is a DID, `until` in milliseconds, not included.

    `statement` are its canonical bytes as text, `seal` is the principal's over them.
    """

    sha256: str
    agent: str
    name: str
    actions: tuple[str, ...]
    until: int
    contract: str
    statement: str
    seal: str

    @property
    def carried(self) -> dict[str, object]:
        """What an approval brings of it, so that the partner sees it before it signs."""
        return {"mandate": msgspec.json.decode(self.statement), "seal": self.seal}


def require(acting: Acting | None, own: bool, action: str, now: int) -> None:
    """Raises Unavailable unless somebody may do that for the participant at this instant (ms); `own`: it has a key for
    tokens of its own in use."""
    if acting is None:
        if not own:
            raise Unavailable("mandates.over")
        return
    if now >= acting.until:
        raise Unavailable("mandates.over")
    if action and action not in acting.actions:
        raise Unavailable("mandates.action", action=action)
