"""One error tree that says whose fault it is; the three HTTP surfaces translate it, nobody else does.

`code` is a key of the message catalogues (`error.<code>`), `facts` fill its placeholders. Neither ever
holds a secret: both may reach a peer, a log line or a person.
"""


class HanseError(Exception):
    """Base of all expected errors; `status` is the HTTP status that the surfaces answer with."""

    status = 500

    def __init__(self, code: str, /, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        return self.code + ("" if not self.facts else f" {self.facts}")


class PeerError(HanseError):
    """The peer broke the protocol or sent something illegal: 4xx, audited."""

    status = 400


class Unauthenticated(PeerError):
    """No, a bad, a replayed or a foreign token: 401, nothing is persisted."""

    status = 401


class Untimely(Unauthenticated):
    """The times in the token do not fit our clock: 401 that a sender may try again. `ms`: how far it is ahead of us."""

    def __init__(self, code: str, /, ms: int) -> None:
        super().__init__(code)
        self.ms = ms


class Unknown(PeerError):
    """Not there, or not for this caller: both look the same."""

    status = 404


class Mistake(HanseError):
    """The city's own caller (operator, steward) asked for something that cannot be: it can mend it."""

    status = 400


class Refusal(HanseError):
    """A rule said no. `reasons` holds the same sentences in German and English."""

    status = 403

    def __init__(self, code: str, /, reasons: dict[str, list[str]] | None = None, **facts: object) -> None:
        super().__init__(code, **facts)
        self.reasons = reasons or {}


class Unavailable(HanseError):
    """Not now: a peer, disk or database cannot be reached; trying later may work."""

    status = 503


class Defect(HanseError):
    """Our own mistake: 500, details only in the log."""
