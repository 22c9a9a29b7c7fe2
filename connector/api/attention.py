"""What of a participant's contracts and evidence may need somebody soon, for `hanse doctor`: facts, and no verdict."""

from collections.abc import Mapping

from aiohttp import web
from cryptography import x509

from connector.api import body
from connector.clock import rfc3339
from connector.contracts.evidence import attention
from connector.contracts.negotiation.service import Contracts
from connector.contracts.signing.progress import progress
from connector.participants.service import Hosted, Participants
from connector.storage.database import Database, Tx
from connector.trust.members.trust_list import Anchor

DONE = frozenset({"given", "over", "automatic", "late"})
"""Steps of a countersignature at which its deadline asks nobody for anything."""


class AttentionHandlers:
    def __init__(self, db: Database, participants: Participants, contracts: Contracts, anchor: Anchor) -> None:
        self._db, self._participants, self._contracts, self._anchor = db, participants, contracts, anchor

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/v1/participants/{p}/attention", self.show)]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Times are RFC 3339 or null.

        `seal_until`: end of the seal certificate, null without one. `log_key_listed`: whether the trust list names the
        key that signs the log now, null if it does not name the participant. `countersign`: by deadline.
        `seals_missing`: for each contract that waits for a seal of ours, the code of the reason. `over_quota`: peers
        that may begin nothing new for now.
        """
        hosted = await self._participants.get(request.match_info["p"])
        found = await self._db.read(hosted.participant.id, self._of, hosted)
        return body.answer({"seal_until": _ends(hosted), "log_key_listed": self._listed(hosted), **found})

    def _of(self, tx: Tx, hosted: Hosted) -> dict[str, object]:
        slug = hosted.participant.id
        terminations, vouched = attention.terminations(tx, slug), attention.vouched(tx, slug)
        waiting = []
        for agreement in attention.unfinished(tx, slug):
            found = progress(tx, self._contracts.agreements, agreement)
            if found.until is not None and found.step not in DONE:
                waiting.append((found.until, agreement.id, found.step))
        return {
            "log": {name: _at(value) for name, value in vouched._asdict().items()},
            "seals_missing": attention.seals_missing(tx, slug),
            "over_quota": attention.over_quota(tx, slug),
            "endings": {
                "waiting": terminations.waiting,
                "oldest": _at(terminations.oldest),
                "refused": terminations.refused,
            },
            "countersign": [
                {"agreement": name, "until": rfc3339(until), "step": step} for until, name, step in sorted(waiting)
            ],
        }  # fmt: skip

    def _listed(self, hosted: Hosted) -> bool | None:
        entry, signer = self._anchor.entry(hosted.participant.did), hosted.signers.get("log")
        if entry is None or signer is None:
            return None
        return any(_same(signer.public_jwk, key) for key in entry.log_keys)


def _same(ours: Mapping[str, object], theirs: Mapping[str, object]) -> bool:
    return all(ours.get(name) == theirs.get(name) for name in ("kty", "crv", "x", "y"))


def _ends(hosted: Hosted) -> str | None:
    if not hosted.chain:
        return None
    ends = x509.load_der_x509_certificate(hosted.chain[0]).not_valid_after_utc
    return rfc3339(int(ends.timestamp() * 1000))


def _at(moment: int | None) -> str | None:
    return None if moment is None else rfc3339(moment)
