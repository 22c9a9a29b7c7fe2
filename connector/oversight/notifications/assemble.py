"""Puts the slice together: what people are told, found by jobs that look, and mailed through the outbox."""

from collections.abc import Callable

from msgspec import Struct

from connector.data.approvals.service import Approvals
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.duties import Duties
from connector.identity.accounts.mailboxes import Mailboxes
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants
from connector.oversight.notifications import smtp
from connector.oversight.notifications.causes import Causes
from connector.oversight.notifications.mail_queue import MAIL, QUEUE_S, MailQueue
from connector.oversight.notifications.service import LOOK_S, SELDOM_S, Notifications
from connector.oversight.notifications.spaces import Names


class NotificationSlice(Struct, frozen=True, kw_only=True):
    service: Notifications
    mailboxes: Mailboxes
    work: Work


def assemble(
    infra: Infra,
    participants: Participants,
    approvals: Approvals,
    contracts: Contracts,
    duties: Duties,
    name_of: Names,
    desk: Callable[[], str],
) -> NotificationSlice:
    """`desk` is the address of the desk, asked when a mail is written. Raises Mistake for unsafe settings of mail."""
    smtp.checked(infra.settings.mail)
    service = Notifications(infra.db, participants, Causes(approvals, contracts, duties, name_of))
    mailboxes = Mailboxes()
    queue = MailQueue(infra.db, participants, mailboxes, infra.settings.mail, desk)
    work = Work(
        handlers={MAIL: queue.deliver},
        every={
            "notifications": (LOOK_S, service.look),
            "notifications-seldom": (SELDOM_S, service.look_further),
            "mail": (QUEUE_S, queue.queue),
        },
    )
    return NotificationSlice(service=service, mailboxes=mailboxes, work=work)
