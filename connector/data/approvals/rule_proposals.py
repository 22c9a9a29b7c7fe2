"""SQL of changes of a rule that wait for a second person. Every look-up names the participant."""

import msgspec

from connector.data.approvals.model import ApprovalRule, RuleProposal, Subject
from connector.data.approvals.store import DROPPED
from connector.foundation.storage.database import Row, Tx


def keep(tx: Tx, participant: str, proposal: RuleProposal) -> None:
    """In the place of one about the same rule."""
    tx.run(
        "DELETE FROM rule_proposal WHERE participant = :participant AND subject = :subject AND template = :template",
        participant=participant,
        subject=proposal.subject,
        template=proposal.template,
    )
    wanted = proposal.wanted or ApprovalRule(
        subject=proposal.subject, template=proposal.template, people="none", protection=False, days=0
    )
    values = {**msgspec.structs.asdict(wanted), "protection": int(wanted.protection)}
    tx.run(
        "INSERT INTO rule_proposal (participant, subject, template, id, people, protection, days, responsible, deputy,"
        " proposed_at, proposed_by, admin, officer) VALUES (:participant, :subject, :template, :id, :people,"
        " :protection, :days, :responsible, :deputy, :at, :by, :admin, :officer)",
        participant=participant,
        id=proposal.id,
        at=proposal.proposed_at,
        by=proposal.proposed_by,
        admin=proposal.admin,
        officer=proposal.officer,
        **{**values, "people": DROPPED if proposal.wanted is None else wanted.people},
    )


def all_of(tx: Tx, participant: str) -> list[RuleProposal]:
    """The oldest first."""
    rows = tx.all(
        "SELECT * FROM rule_proposal WHERE participant = :participant ORDER BY proposed_at, subject, template",
        participant=participant,
    )
    return [_proposal(row) for row in rows]


def end_about(tx: Tx, participant: str, subject: Subject, template: str) -> None:
    """What waits about this rule; about the rule for all also what waits about that of a template, which would be
    another step now."""
    tx.run(
        "DELETE FROM rule_proposal WHERE participant = :participant AND subject = :subject"
        " AND (template = :template OR :template = '')",
        participant=participant,
        subject=subject,
        template=template,
    )


def end(tx: Tx, participant: str, proposal_id: str) -> None:
    tx.run(
        "DELETE FROM rule_proposal WHERE participant = :participant AND id = :id",
        participant=participant,
        id=proposal_id,
    )


def forget(tx: Tx, participant: str, who: str, role: str) -> None:
    """Nobody has said yes in the place of this pseudonym, in a role that it has no more."""
    if role == "admin":
        tx.run(
            "UPDATE rule_proposal SET admin = '' WHERE participant = :participant AND admin = :who",
            participant=participant,
            who=who,
        )
    elif role == "protection":
        tx.run(
            "UPDATE rule_proposal SET officer = '' WHERE participant = :participant AND officer = :who",
            participant=participant,
            who=who,
        )


def _proposal(row: Row) -> RuleProposal:
    wanted = ApprovalRule(
        subject=row["subject"],
        template=row["template"],
        people=row["people"],
        protection=bool(row["protection"]),
        days=row["days"],
        responsible=row["responsible"],
        deputy=row["deputy"],
    )
    return RuleProposal(
        id=row["id"],
        subject=row["subject"],
        template=row["template"],
        wanted=None if row["people"] == DROPPED else wanted,
        proposed_at=row["proposed_at"],
        proposed_by=row["proposed_by"],
        admin=row["admin"],
        officer=row["officer"],
    )
