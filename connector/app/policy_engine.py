"""The policy engine as this process has it: its operands and words, its concept lists, and what it can keep to.

A badge promises no more than this: `CAN` is what the plane executes, `SUPPLIED` what somebody here can vouch for.
"""

from functools import cache

from connector.data.catalogue import concepts
from connector.data.dataplane.treatments import CAN
from connector.exchange.transfer.decision.state_of_world import SUPPLIED
from connector.foundation.language import say
from connector.foundation.resources import folder
from connector.kernel.dialects.policies.skos import Vocabularies, load_all
from connector.kernel.policy.engine import LANGUAGES, PolicyEngine
from connector.kernel.policy.extension import PLAIN, Extension
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.wording.words import Say


@cache
def lists() -> Vocabularies:
    """The concept lists of now and of earlier releases."""
    return load_all(folder("vocab"), concepts.vocabulary())


def policy_engine(extension: Extension = PLAIN) -> PolicyEngine:
    """The policy engine with the vocabularies of `vocab/`, the words of the catalogues and what plug-ins add."""
    vocabulary = concepts.vocabulary()
    labels = {lang: vocabulary.labels(lang) for lang in LANGUAGES}
    return PolicyEngine(
        vocabulary.closure,
        labels,
        vocabulary.digest,
        lambda lang: extension.words(lang, _words(lang)),
        registry=BUILT_IN.with_(extension.operands),
        plugins=extension.digest,
        can=CAN,
        supplied=SUPPLIED | {operand.iri for operand in extension.operands},
    )


def _words(lang: str) -> Say:
    def words(key: str, /, **facts: object) -> str:
        return say(key, lang, **facts)

    return words
