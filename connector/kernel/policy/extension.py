"""What plug-ins add to the engine: operands, their words, and a digest of their code (spec/policy.md 4.4)."""

from collections.abc import Mapping

from msgspec import Struct

from connector.kernel.policy.odrl.operands import Operand
from connector.kernel.policy.wording.words import Say


class Extension(Struct, frozen=True, kw_only=True):
    """`texts` by language and message key; `digest` goes into every decision record, empty without plug-ins."""

    operands: tuple[Operand, ...] = ()
    texts: Mapping[str, Mapping[str, str]] = {}
    digest: str = ""

    def words(self, lang: str, own: Say) -> Say:
        """The catalogue `own` of one language with the plug-ins' messages beside it; their keys never meet."""
        added = self.texts.get(lang, {})
        return _beside(added, own) if added else own


PLAIN = Extension()
"""No plug-ins."""


def _beside(added: Mapping[str, str], own: Say) -> Say:
    def say(key: str, /, **facts: object) -> str:
        if key not in added:
            return own(key, **facts)
        return added[key].format(**facts)

    return say
