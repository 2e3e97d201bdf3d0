"""Which rule guards which type of event: whoever carries out a command looks here.

What is more than one event is not here: merging is `commands.identity`, erasing `commands.privacy.erasing`.
"""

from collections.abc import Mapping

from commands.accounts import IdentifyAccount, JoinAccount, LeaveAccount
from commands.consent import (
    Give,
    Lift,
    Object,
    Publish,
    Refuse,
    Request,
    Unsubscribe,
    Withdraw,
)
from commands.deals import Deal, MoveDeal, OpenDeal, PriceDeal, ReopenDeal
from commands.deciding import Rule
from commands.declared import Declared, RegisterSchema
from commands.privacy import (
    Challenge,
    Confirm,
    Extend,
    Fulfil,
    PlaceHold,
    Receive,
    Rectify,
    ReleaseHold,
    Verify,
)
from commands.privacy import Refuse as RefuseRequest
from commands.privacy.redaction import Approve, Propose
from commands.restriction import Restrict, Unrestrict
from commands.tasks import ScheduleTask, Task
from commands.tickets import AssignTicket, OpenTicket, Ticket
from ledger.catalogue import EventType
from ledger.catalogue.account import AccountIdentified, MemberJoined, MemberLeft
from ledger.catalogue.consent import (
    ConsentGiven,
    ConsentRefused,
    ConsentRequested,
    ConsentWithdrawn,
    NoticePublished,
    ObjectionLifted,
    ObjectionRaised,
)
from ledger.catalogue.email import EmailUnsubscribed
from ledger.catalogue.privacy import (
    CustomerRectified,
    CustomerRestricted,
    CustomerUnrestricted,
    EventRedacted,
    HoldPlaced,
    HoldReleased,
    PrivacyChallenged,
    PrivacyConfirmed,
    PrivacyExtended,
    PrivacyFulfilled,
    PrivacyRefused,
    PrivacyRequested,
    PrivacyVerified,
    RedactionProposed,
)
from ledger.catalogue.reference import SchemaRegistered
from ledger.catalogue.sales import (
    DealAmountChanged,
    DealLost,
    DealMoved,
    DealOpened,
    DealReopened,
    DealWon,
    GoalSet,
    PipelineDefined,
    TaskCompleted,
    TaskScheduled,
)
from ledger.catalogue.service import (
    TicketAssigned,
    TicketClosed,
    TicketEscalated,
    TicketOpened,
    TicketReopened,
    TicketReplied,
    TicketResolved,
)

RULES: Mapping[type[EventType], type[Rule]] = {
    PipelineDefined: Declared,
    DealOpened: OpenDeal,
    DealMoved: MoveDeal,
    DealAmountChanged: PriceDeal,
    DealWon: Deal,
    DealLost: Deal,
    DealReopened: ReopenDeal,
    TicketOpened: OpenTicket,
    TicketReplied: Ticket,
    TicketAssigned: AssignTicket,
    TicketEscalated: Ticket,
    TicketResolved: Ticket,
    TicketReopened: Ticket,
    TicketClosed: Ticket,
    TaskScheduled: ScheduleTask,
    TaskCompleted: Task,
    AccountIdentified: IdentifyAccount,
    MemberJoined: JoinAccount,
    MemberLeft: LeaveAccount,
    GoalSet: Declared,
    SchemaRegistered: RegisterSchema,
    NoticePublished: Publish,
    ConsentRequested: Request,
    ConsentGiven: Give,
    ConsentRefused: Refuse,
    ConsentWithdrawn: Withdraw,
    ObjectionRaised: Object,
    ObjectionLifted: Lift,
    EmailUnsubscribed: Unsubscribe,
    CustomerRestricted: Restrict,
    CustomerUnrestricted: Unrestrict,
    PrivacyRequested: Receive,
    PrivacyConfirmed: Confirm,
    PrivacyChallenged: Challenge,
    PrivacyVerified: Verify,
    PrivacyExtended: Extend,
    PrivacyRefused: RefuseRequest,
    PrivacyFulfilled: Fulfil,
    HoldPlaced: PlaceHold,
    HoldReleased: ReleaseHold,
    CustomerRectified: Rectify,
    RedactionProposed: Propose,
    EventRedacted: Approve,
}
