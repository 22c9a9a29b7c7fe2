"""Whoever is put into a group is shown what is offered to it: by whom that may be said alone (decision 0182).

What waits counts as what stands: a draft that others agree to was for those who were in the group when they looked.
"""

from collections.abc import Sequence

from connector.data.approvals.publications import PublicationApprovals
from connector.data.approvals.rules import ApprovalRules
from connector.data.catalogue.service import Catalogue
from connector.foundation.storage.database import Tx


class Widening:
    """Of all participants; runs in the caller's transaction in the participant's scope."""

    def __init__(self, catalogue: Catalogue, publications: PublicationApprovals, rules: ApprovalRules) -> None:
        self._catalogue, self._publications, self._rules = catalogue, publications, rules

    def require_alone(self, tx: Tx, slug: str, iris: Sequence[str]) -> None:
        """Raises Mistake where others would have to agree to publish what a new member of the group with these IRIs
        would see: by an offer, or by a draft that waits.

        Drafts first: one that is published meanwhile is found among the offers.
        """
        for templates, personal in self._publications.offered_to(tx, slug, iris):
            self._rules.require(tx, slug, templates, personal=personal)
        for templates, personal in self._catalogue.offered_to(tx, slug, iris):
            self._rules.require(tx, slug, templates, personal=personal)
