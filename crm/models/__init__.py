"""The company's memory: every table, one file a noun. Times in UTC; money in minor units."""

from crm.models.assistant import AssistantModel
from crm.models.audit import AuditEntry, AuditHead, ContactCipher, RetainedRecord
from crm.models.candidates import TrainingCandidate
from crm.models.conversations import (
    CannedReply,
    Conversation,
    DialogueSnapshot,
    File,
    Mention,
    Message,
    MessageKey,
)
from crm.models.knowledge import Article, ArticleKey
from crm.models.live import (
    ControlEntry,
    LiveConsent,
    LiveEvent,
    LiveParticipant,
    LiveSession,
    Recording,
    RecordingFile,
)
from crm.models.mail import MailAside, Mailbox
from crm.models.merging import ContactMerge, MergedRow, NotDuplicate, OneTimeCode, Proof, Route, SpentLink
from crm.models.messaging import DeliveryReport, MessageTemplate
from crm.models.people import Account, Consent, Contact, ContactKey, Identity, Label, Labelling, TimelineEntry
from crm.models.products import Possession, Product
from crm.models.requests import Callback, CallbackAttempt, Rating, RequestEvent, RequestLink, ServiceRequest
from crm.models.slack import SlackCard, SlackChannel, SlackPost, SlackRoute, SlackUser, StaffEvent
from crm.models.spine import Cursor, Happening, Inbox, Job, Lane, Lease, Outbox, Process, Sequence
from crm.models.staff import (
    AccessToken,
    BusinessHours,
    CompanyProfile,
    DayOff,
    LoginAttempt,
    Session,
    Staff,
    Team,
    TeamMember,
)

__all__ = [
    "AccessToken",
    "Account",
    "Article",
    "ArticleKey",
    "AssistantModel",
    "AuditEntry",
    "AuditHead",
    "BusinessHours",
    "Callback",
    "CallbackAttempt",
    "CannedReply",
    "CompanyProfile",
    "Consent",
    "Contact",
    "ContactCipher",
    "ContactKey",
    "ContactMerge",
    "ControlEntry",
    "Conversation",
    "Cursor",
    "DayOff",
    "DeliveryReport",
    "DialogueSnapshot",
    "File",
    "Happening",
    "Identity",
    "Inbox",
    "Job",
    "Label",
    "Labelling",
    "Lane",
    "Lease",
    "LiveConsent",
    "LiveEvent",
    "LiveParticipant",
    "LiveSession",
    "LoginAttempt",
    "MailAside",
    "Mailbox",
    "Mention",
    "MergedRow",
    "Message",
    "MessageKey",
    "MessageTemplate",
    "NotDuplicate",
    "OneTimeCode",
    "Outbox",
    "Possession",
    "Process",
    "Product",
    "Proof",
    "Rating",
    "Recording",
    "RecordingFile",
    "RequestEvent",
    "RequestLink",
    "RetainedRecord",
    "Route",
    "Sequence",
    "ServiceRequest",
    "Session",
    "SlackCard",
    "SlackChannel",
    "SlackPost",
    "SlackRoute",
    "SlackUser",
    "SpentLink",
    "Staff",
    "StaffEvent",
    "Team",
    "TeamMember",
    "TimelineEntry",
    "TrainingCandidate",
]
