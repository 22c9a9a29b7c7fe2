"""What a check can find: a `Fault` (something is wrong) or a `Doubt` (nothing is wrong, but something is not proven).

`code` is a key of the verifier's own message catalogues, `facts` fill its placeholders.
"""


class Fault(Exception):
    """A check fails: the verdict is FAILED."""

    def __init__(self, code: str, /, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts


class Doubt(Fault):
    """A check cannot be decided: the verdict is INDETERMINATE at best."""
