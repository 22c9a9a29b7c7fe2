"""Every situation that a process can be in has a cause and a next action; the telling one comes first."""

import itertools
import re
from collections.abc import Iterator

import pytest

from connector.exchange.trace import words
from connector.exchange.trace.diagnosis import ENDS as OVER
from connector.exchange.trace.diagnosis import (
    LATE_MS,
    QUESTIONS,
    Asked,
    Attempt,
    Diagnosis,
    Queued,
    Reached,
    Situation,
    diagnose,
)
from connector.foundation.language import LANGUAGES, catalogue
from connector.kernel.protocol import negotiation, transfer
from connector.kernel.protocol.process import Role

NOW = 1_795_000_000_000
REASON = {"de": ["Nein."], "en": ["No."]}
COMMON = {
    "participant": "musterstadt",
    "id": "urn:uuid:1",
    "counterparty": "did:web:x",
    **dict.fromkeys(("end", "accept", "resume"), "hanse"),
}


def attempt(status: int, code: str = "x") -> Attempt:
    return Attempt(at=NOW - 10, times=3, kind="AGREE", status=status, code=code, reason=REASON)


def queued(kind: str = "AGREE", *, message: bool = True, due_in: int = 100, last: Attempt | None = None) -> Queued:
    return Queued(kind=kind, message=message, created_at=NOW - 1000, due_at=NOW + due_in, last=last)


QUEUES = {
    "nothing": (),
    "fresh": (queued(),),
    "late": (queued(due_in=-LATE_MS - 1),),
    "network": (queued(last=attempt(0, "http.unreachable")),),
    "no pid": (queued(last=attempt(0, "delivery.no-pid")),),
    "busy": (queued(last=attempt(503)),),
    "no": (queued(last=attempt(409)),),
    "work": (queued("countersign", message=False),),
    "work late": (queued("countersign", message=False, due_in=-LATE_MS - 1),),
    "work fails": (queued("countersign", message=False, last=attempt(0, "http.unreachable")),),
    "no certificate": (queued("countersign", message=False, last=attempt(0, "contracts.no-certificate")),),
    "both": (queued(last=attempt(503)), queued("repair", message=False)),
}
STATES = [("negotiation", state) for state in (None, *negotiation.State)] + [
    ("transfer", state) for state in (None, *transfer.State)
]


def situations() -> Iterator[Situation]:
    """Some 100 000: noun, role, state, pending, queue, questions, circuit, trust, refused messages, checks."""
    asked = [(), *((Asked(kind, NOW - 5),) for kind in (*sorted(QUESTIONS), "new"))]
    reached = [None, Reached(url="https://x"), Reached(url="https://x", code="http.unreachable", reason=REASON)]
    for (noun, state), role, queue in itertools.product(STATES, Role, QUEUES.values()):
        for questions, pending, blocked in itertools.product(asked, (None, "AGREE"), (0, NOW + 500)):
            for hold, refused, seen in itertools.product((False, True), (None, attempt(400)), reached):
                yield Situation(
                    noun=noun,
                    role=role,
                    state=None if state is None else str(state),
                    pending=pending,
                    since=NOW - 50,
                    now=NOW,
                    queue=queue,
                    questions=questions,
                    refused=refused,
                    blocked_until=blocked,
                    on_hold=hold,
                    ours=seen,
                    theirs=seen,
                )


def sentences(found: Diagnosis) -> list[str]:
    return [*words.of_cause(found, COMMON).values(), *words.of_action(found, COMMON).values()]


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_every_situation_has_a_cause_and_a_next_action(step: int) -> None:
    """All, in short each seventh; each sentence is complete in both languages, and holds no unfilled or raw value."""
    said: dict[tuple[str, tuple[str, ...]], int] = {}
    for situation in itertools.islice(situations(), 0, None, step):
        found = diagnose(situation)
        assert found, situation
        if situation.state not in OVER:
            assert found[0].waits != "nothing" or found[0].code == "data-may-flow", situation
        for one in found:
            if said.setdefault((one.code, tuple(one.facts)), 0) < 3:
                said[one.code, tuple(one.facts)] += 1
                for sentence in sentences(one):
                    assert sentence
                    assert not re.search(r"[{}]|None|\b1795\d{9}\b", sentence), sentence
    codes = {code for code, _ in said}
    told = {key.removeprefix("trace.cause.") for key in catalogue("de") if key.startswith("trace.cause.")}
    elsewhere = {
        "several",
        "never-began",
        "peer-nameless",
        "peer-not-listed",
        "no-certificate-yet",
        "list-stale",
        "held",
    }
    assert codes == told - elsewhere


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_cause_has_its_action(lang: str) -> None:
    keys = {
        kind: {key.rpartition(".")[2] for key in catalogue(lang) if key.startswith(f"trace.{kind}.")}
        for kind in ("cause", "action")
    }
    assert keys["cause"] == keys["action"]


def first(**facts: object) -> str:
    base: dict[str, object] = {"noun": "negotiation", "role": Role.PROVIDER, "state": "AGREED", "since": 1, "now": NOW}
    return diagnose(Situation(**{**base, **facts}))[0].code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "state", "code"),
    [
        (Role.CONSUMER, "REQUESTED", "peer-silent"),
        (Role.CONSUMER, "OFFERED", "we-are-silent"),
        (Role.CONSUMER, "ACCEPTED", "peer-silent"),
        (Role.CONSUMER, "AGREED", "we-are-silent"),
        (Role.CONSUMER, "VERIFIED", "peer-silent"),
        (Role.PROVIDER, "REQUESTED", "we-are-silent"),
        (Role.PROVIDER, "OFFERED", "peer-silent"),
        (Role.PROVIDER, "ACCEPTED", "we-are-silent"),
        (Role.PROVIDER, "AGREED", "peer-silent"),
        (Role.PROVIDER, "VERIFIED", "we-are-silent"),
    ],
)
def test_whose_turn_it_is_follows_from_the_table(role: Role, state: str, code: str) -> None:
    assert first(role=role, state=state) == code


def test_the_most_telling_cause_comes_first() -> None:
    """A hold outweighs a failure, a failure the open question about it, all of them whose turn it is."""
    failing = {"pending": "AGREE", "queue": QUEUES["busy"], "questions": (Asked("undeliverable", NOW),)}
    assert first(**failing, on_hold=True) == "peer-on-hold"
    assert first(**failing, listed=False) == "peer-not-listed"
    assert first(**failing) == "peer-busy"
    assert first(**failing, blocked_until=NOW + 1) == "circuit-open"
    assert first(state="OFFERED", role=Role.CONSUMER, questions=(Asked("offered", NOW),)) == "question-offered"
    assert first(refused=attempt(400)) == "we-refused"
    assert first(ours=Reached(url="https://x", code="http.unreachable")) == "callback-unreachable"
    assert first(state="VERIFIED", certificate=False) == "we-are-silent"
    assert first(state="REQUESTED", certificate=False) == "no-certificate-yet"
    assert first(pending="AGREE") == "row-missing"


def test_a_peer_that_named_no_pid_is_said_to_have_named_none() -> None:
    """What to do about it includes how to end it, which needs no pid."""
    [found] = diagnose(Situation(noun="negotiation", role=Role.CONSUMER, state="REQUESTED", named=False, now=NOW))
    assert (found.code, found.waits) == ("peer-nameless", "peer")
    assert all("hanse" in sentence for sentence in words.of_action(found, COMMON).values())


def test_a_refusal_from_before_the_last_change_is_no_cause() -> None:
    assert first(refused=attempt(400), since=NOW) == "peer-silent"


def test_a_stale_list_is_said_beside_the_cause() -> None:
    found = diagnose(Situation(noun="negotiation", role=Role.PROVIDER, state="AGREED", fresh=False))
    assert [one.code for one in found] == ["peer-silent", "list-stale"]


def test_what_our_rules_hold_is_not_for_a_person_to_resume() -> None:
    """>> suspended by its policy << the duties are named, no command that would be refused."""
    [found] = diagnose(Situation(noun="transfer", role=Role.PROVIDER, state="SUSPENDED", held=True, now=NOW))
    assert found.code == "held"
    assert all("hanse duties" in sentence for sentence in words.of_action(found, COMMON).values())
    assert first(noun="transfer", state="SUSPENDED") == "suspended"
