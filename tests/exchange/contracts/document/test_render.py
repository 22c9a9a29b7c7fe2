"""What the same facts give in each form never changes: partners compare it byte for byte (decision 0045)."""

import json
from hashlib import sha256

import pytest

from connector.app.policy_engine import policy_engine
from connector.data.catalogue.templates.templates import fill
from connector.exchange.contracts.document import draft, render, sealing
from connector.exchange.contracts.document.described_data import Described
from connector.exchange.contracts.document.render import Deadline, Facts
from connector.exchange.contracts.document.text import Party
from connector.exchange.contracts.model import Agreement
from connector.kernel.policy.engine import PolicyEngine
from tests.kernel.policy.filled import SLOTS
from tests.testkit.cities import PURPOSE

AT = 1_795_000_000_000
TOWN, VILLAGE = Party("Musterstadt", "did:web:a.example"), Party("Nachbardorf", "did:web:b.example")
DATA = "https://a.example/datasets/1"
DIGESTS = {1: "5afc903d6841e10946dfbc467cdeff54fe76a3ec5f63bcbfe840fc91af9bdc05"}
"""By form: over contracts under every template. Whoever sees this fail has changed what is signed: a form that a
release has written keeps its digest, and what is written now gets the next number (`rendering.FORM`). Before the first
release, or for a new template, the digest follows."""


def contract(judged: PolicyEngine, template: str, form: int) -> bytes:
    """All documents of one contract; concept lists have a digest of their own in the profile."""
    plain = draft.agreement_document(
        fill(template, SLOTS[template]),
        f"urn:uuid:{'0' * 8}-0000-4000-8000-{'0' * 12}",
        DATA,
        TOWN.did,
        VILLAGE.did,
        AT,
    )
    agreement = Agreement(
        participant="a",
        id=str(plain["@id"]),
        negotiation="n",
        role="provider",
        counterparty=VILLAGE.did,
        dataset=DATA,
        state="signed",
        document=sealing.canonical(plain),
        digest="",
        provider_jws=None,
        consumer_jws=None,
        facts={},
        expires_at=judged.expires_at(plain, AT),
        created_at=AT,
        finalized_at=None,
        replaces="0" * 64,
    )
    file = Described(title="Bäume & Büsche", description="Mit Höhe.", bytes=8, version="1" * 64, ending=".csv")
    facts = Facts(described=file, provider=TOWN, consumer=VILLAGE, offer=f"{DATA}/offers/1", purpose=PURPOSE)
    parts = [*render.described(agreement, facts, judged, form).values()]
    profile = json.loads(render.profile(agreement, judged, Deadline("required", AT), form).body)
    return b"\n".join([*(part.body for part in parts), sealing.canonical({**profile, "vocabulary": ""})])


@pytest.mark.threat("T65")
@pytest.mark.parametrize("form", render._FORMS)
def test_the_same_facts_give_the_same_bytes_in_every_release(form: int) -> None:
    judged = policy_engine()
    written = b"\0".join(contract(judged, template, form) for template in SLOTS)
    assert sha256(written).hexdigest() == DIGESTS[form]


def test_what_is_written_now_has_the_highest_number() -> None:
    assert max(render._FORMS) == render.FORM
    assert set(render._FORMS) == set(DIGESTS)


@pytest.mark.parametrize("form", [0, 2, -1, True, "1", 1.0, None, [1]])
def test_no_other_form_is_ours(form: object) -> None:
    assert not render.known(form)
