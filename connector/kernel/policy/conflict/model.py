"""What conflicts are told with, and what an installation has: values that many hold who never look for a conflict."""

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from connector.kernel.policy.containment.compare import Verdict

Hindrance = Literal["unsupplied", "unheld", "untreated", "nobody"]
HINDRANCES: frozenset[str] = frozenset({"unsupplied", "unheld", "untreated", "nobody"})


class Means(NamedTuple):
    """What an installation has: operands with a value (None: all), and the treatments that its plane carries out.

    `held` are by operand all the values that some member has, of operands that go by names: a group, a participant.
    """

    supplied: Set[str] | None = None
    can: Set[str] | None = None
    held: Mapping[str, Set[str]] = {}


ANYTHING = Means()


class Narrowing(Struct, frozen=True):
    """Whether asked terms are provably within an offer; `reasons` by language say why not, with the `pointer`."""

    verdict: "Verdict"
    ground: str = ""
    pointer: str = ""
    reasons: Mapping[str, list[str]] = {}

    @property
    def compatible(self) -> bool:
        return self.verdict == "compatible"


class Objection(Struct, frozen=True):
    """One thing that is wrong with a policy, in every language."""

    fault: str
    pointer: str
    reasons: Mapping[str, str]
