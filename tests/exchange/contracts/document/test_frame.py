"""Documents filled into frames are to the byte what the whole would be, whatever a peer calls its data."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.app.policy_engine import policy_engine
from connector.data.catalogue.templates.templates import fill
from connector.exchange.contracts.document import draft, frame, sealing
from connector.exchange.contracts.document.described_data import Described
from connector.exchange.contracts.document.frame import Frames
from connector.exchange.contracts.document.text import (
    Agent,
    ContractFacts,
    Party,
    _acts,
    _expiry,
    _labels,
    _template,
    _version,
    render,
)
from connector.foundation.clock import rfc3339
from connector.foundation.language import local_time, say
from connector.kernel.policy.engine import PolicyEngine
from tests.fuzz.effort import amount

NOW, DAY = 1_795_000_000_000, 86_400_000
WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["", "Bäume", "<b>&'\"", "\ue0000\ue001", "\ue000agreement\ue001", "{{ facts }}", "urn:uuid:1"]),
)
TIMES = st.sampled_from([0, NOW - DAY, NOW, NOW + 1_000, 4_102_444_800_000])
AGENTS = st.none() | st.builds(Agent, WORDS, WORDS, WORDS, TIMES, WORDS)
PARTIES = st.builds(Party, WORDS, WORDS, AGENTS)
FACTS = st.builds(
    ContractFacts,
    agreement=WORDS,
    provider=PARTIES,
    consumer=PARTIES,
    dataset=WORDS,
    dataset_title=WORDS,
    description_sha256=WORDS,
    dataset_sha256=st.none() | WORDS,
    purpose=st.none() | WORDS,
    concluded_at=TIMES,
    expires_at=st.none() | TIMES,
)
CLAUSES = st.lists(st.tuples(WORDS, st.sampled_from(["enforced", "monitored", "contractual"])), max_size=3)


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return policy_engine()


def whole(facts: ContractFacts, clauses: list[Any], lang: str) -> str:
    """The text as its template writes it from all facts at once."""
    return _template().render(
        facts=facts,
        clauses=clauses,
        lang=lang,
        t=_labels(lang),
        version=_version(facts, lang),
        concluded=local_time(facts.concluded_at, lang),
        expires=_expiry(facts.expires_at, lang),
        purpose=facts.purpose or say("contract.text.purpose-none", lang),
        acts=_acts(facts.provider, lang),
    )


@pytest.mark.threat("T112")
@settings(max_examples=amount(30, 60), deadline=None)
@given(FACTS, FACTS, CLAUSES, st.sampled_from(["de", "en"]))
def test_a_filled_text_is_the_whole_text(
    first: ContractFacts, second: ContractFacts, clauses: list[Any], lang: str
) -> None:
    """>> two contracts with any words, in turns  << each time the bytes that the template writes."""
    for facts in (first, second, first):
        assert render(facts, clauses, lang) == whole(facts, clauses, lang)


@pytest.mark.parametrize("until", [NOW, NOW + DAY, 0])
@pytest.mark.parametrize("setting", ["none", "required"])
@pytest.mark.parametrize("replaces", [None, "ab" * 32])
def test_a_filled_profile_is_the_whole_profile(
    engine: PolicyEngine, until: int, setting: str, replaces: str | None
) -> None:
    """>> two rules, each deadline, setting and replaced contract  << the canonical bytes of all members at once."""
    for day in ("31.12.2027", "31.12.2028"):
        policy = {**fill("municipal-purpose", {"until": day}), "@type": "Agreement"}
        body = {
            "badges": [{"badge": badge, "de": sentence} for sentence, badge in engine.clauses(policy, "de")],
            "countersignature": setting,
            "countersignBy": rfc3339(until),
            "operands": engine.operands(policy),
            "textForm": 1,
            "vocabulary": engine.vocabulary,
            **({} if replaces is None else {"replaces": replaces}),
        }
        assert draft.profile(engine, policy, setting, until, replaces, 1).body == sealing.canonical(body)


def test_a_snapshot_is_that_of_its_own_description() -> None:
    """>> descriptions that differ in one member each  << none has the bytes of another, each its own again."""
    plain = Described(title="Bäume", version="0" * 64)
    others = [Described(title="Bäume", version="0" * 64, **more) for more in ({"bytes": 0}, {"description": "x"})]
    wanted = [("urn:a", plain, "did:a"), ("urn:b", plain, "did:a"), ("urn:a", plain, "did:b")]
    wanted += [("urn:a", one, "did:a") for one in others]
    made = [draft.snapshot(*one) for one in wanted]
    assert len({one.sha256 for one in made}) == len(wanted)
    assert [draft.snapshot(*one) for one in wanted] == made


@pytest.mark.threat("T112")
def test_frames_are_bounded_in_bytes() -> None:
    """>> more text than may be kept  << the last frames are there, and what was dropped is written anew."""
    kept, written = Frames(most_bytes=250), []

    def write(number: int, value: str) -> str:
        written.append(number)
        return f"{number} {value} {'x' * 50}"

    for number in (1, 2, 1, 3, 1, 2):
        text = kept.written(number, lambda value, number=number: write(number, value), ("<&>",), str)
        assert text == f"{number} <&> {'x' * 50}"
    assert written == [1, 2, 3, 2]


@pytest.mark.threat("T112")
def test_no_word_is_taken_for_a_mark() -> None:
    """>> words like the marks of another process  << they stand in the text as they were."""
    assert not any(mark in frame._MARKS for mark in ("\ue0000\ue001", f"\ue000{'0' * 32}0\ue001"))
    text = Frames().written("k", lambda value: f"\ue0000\ue001 {value}", ("v",), str)
    assert text == "\ue0000\ue001 v"


def test_what_cannot_be_written_is_not_kept() -> None:
    """>> a document that fails once  << the error, and the document the next time."""
    kept, faults = Frames(), [ValueError("no")]

    def write(value: str) -> str:
        if faults:
            raise faults.pop()
        return value

    with pytest.raises(ValueError, match="no"):
        kept.written("k", write, ("v",), str)
    assert kept.written("k", write, ("v",), str) == "v"
