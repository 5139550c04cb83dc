"""What the REST API takes and gives: pydantic models, from which the OpenAPI document is written."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bots.staff.acts import Arguments, Count, RowId
from bots.staff.commands import Priority
from bots.staff.request_acts import Category, Status

View = Literal["mine", "unassigned", "mentions", "snoozed", "all", "closed"]
Locale = Literal["ko", "en"]


class Shape(BaseModel):
    """An answer. What is not named here is not given away."""

    model_config = ConfigDict(extra="ignore", from_attributes=True)


class Fault(Shape):
    """Why something was refused: a stable code and reason, and words for a person."""

    code: str
    reason: str = ""
    field: str = ""
    text: str


class Me(Shape):
    """Whose rights the token carries."""

    id: int
    login: str
    name: str
    role: str


class LabelShape(Shape):
    id: int
    name: str
    colour: str


class ContactShape(Shape):
    """A person. Phone, e-mail and address are masked; `reveal` shows one and records that it did."""

    id: int
    name: str
    phone: str
    email: str
    address: str
    locale: str
    blocked: bool
    verified: bool
    account_name: str | None = None
    customer_since: date | None = None
    preferred_channel: str = ""
    labels: list[LabelShape] = []
    created_at: datetime


class Revealed(Shape):
    value: str


class LastMessage(Shape):
    """Who said the last thing, and how it begins."""

    author: str = Field(default="", alias="from")
    text: str = ""
    kind: str = ""


class ConversationShape(Shape):
    id: int
    contact_id: int
    name: str
    channel: str
    status: Literal["open", "snoozed", "closed"]
    owner: Literal["bot", "staff"]
    assignee_id: int | None
    assignee_name: str | None
    team_id: int | None
    priority: Priority
    locale: str
    unread: int
    message_seq: int
    last_message: LastMessage
    last_message_at: datetime
    waiting_since: datetime | None
    reply_due_at: datetime | None
    snoozed_until: datetime | None
    labels: list[LabelShape] = []


class FileShape(Shape):
    """A file of a message; `url` is signed and good for a day."""

    name: str
    type: str
    size: int
    url: str


class MessageShape(Shape):
    """One message, internal note or event line; `seq` orders them."""

    seq: int
    direction: Literal["in", "out", "note", "event"]
    author: str
    staff_id: int | None
    staff_name: str | None
    text: str
    lang: str
    state: str
    files: list[FileShape] = []
    created_at: datetime
    seen_at: datetime | None


class RequestShape(Shape):
    """A service request. `version` rises with every change; give it back to be safe from lost updates."""

    id: int
    number: str
    contact_id: int
    conversation_id: int | None
    status: Status
    category: Category
    priority: Priority
    product: str
    symptom: str
    assignee_id: int | None
    team_id: int | None
    visit_from: datetime | None
    visit_to: datetime | None
    due_at: datetime | None
    reopened: int
    version: int
    created_at: datetime
    updated_at: datetime


class EventShape(Shape):
    """A line of a request's history."""

    kind: str
    actor: str
    text: str
    data: dict[str, Any]
    at: datetime


class RequestDetail(RequestShape):
    events: list[EventShape]
    next: list[Status]


class CallbackShape(Shape):
    id: int
    contact_id: int
    phone: str = Field(description="masked")
    topic: str
    status: Literal["due", "done", "given_up", "cancelled"]
    due_at: datetime
    attempts: int
    outcome: str
    assignee_id: int | None


class ArticleShape(Shape):
    id: int
    slug: str
    locale: str
    title: str
    body: str
    kind: str
    product_category: str
    keywords: list[str]
    published: bool
    version: int
    updated_at: datetime


class Contacts(Shape):
    items: list[ContactShape]
    next: str | None


class Conversations(Shape):
    items: list[ConversationShape]
    next: str | None


class Messages(Shape):
    items: list[MessageShape]


class Requests(Shape):
    items: list[RequestShape]
    next: int | None


class Callbacks(Shape):
    items: list[CallbackShape]


class Articles(Shape):
    items: list[ArticleShape]
    next: int | None


# -- what is asked --------------------------------------------------------------------------------------


class Nothing(Arguments):
    """No parameters."""


class FindContacts(Arguments):
    query: str = Field(default="", max_length=100, description="part of a name, phone or e-mail")
    after: str | None = None
    limit: int = Field(default=50, ge=1, le=100)


class FindConversations(Arguments):
    view: View = "all"
    query: str = Field(default="", max_length=100)
    after: str | None = None
    limit: int = Field(default=30, ge=1, le=100)


class FindMessages(Arguments):
    before: Count | None = None
    limit: int = Field(default=50, ge=1, le=200)


class FindRequests(Arguments):
    status: Status | None = Field(default=None, description="without it: all that are open")
    assignee: RowId | None = None
    priority: Priority | None = None
    query: str = Field(default="", max_length=100)
    after: RowId | None = None
    limit: int = Field(default=50, ge=1, le=100)


class FindCallbacks(Arguments):
    status: Literal["due", "done", "given_up", "cancelled"] = "due"
    limit: int = Field(default=50, ge=1, le=100)


class FindArticles(Arguments):
    query: str = Field(default="", max_length=200, description="a question; without it all articles")
    locale: Locale = "ko"
    after: RowId | None = Field(default=None, description="`next` of the page before")


class Language(Arguments):
    locale: Locale = "ko"


class RevealBody(Arguments):
    field: Literal["phone", "email", "address"]


class ReplyBody(Arguments):
    text: str = Field(min_length=1, max_length=4000)
    expected_seq: Count | None = Field(
        default=None, description="refuse when a colleague replied after this message"
    )


class NoteBody(Arguments):
    text: str = Field(min_length=1, max_length=4000)


class AssignBody(Arguments):
    staff: RowId | None = None
    team: RowId | None = None


class SnoozeBody(Arguments):
    until: AwareDatetime


class StatusBody(Arguments):
    status: Status
    reason: str = Field(default="", max_length=2000)
    version: Count | None = None


class AssigneeBody(Arguments):
    staff: RowId | None


class CommentBody(Arguments):
    text: str = Field(min_length=1, max_length=4000)


class ChangeRequest(Arguments):
    """Only the given fields change."""

    product_text: str | None = Field(default=None, max_length=120)
    symptom: str | None = Field(default=None, max_length=2000)
    visit_from: AwareDatetime | None = None
    visit_to: AwareDatetime | None = None
    address: str | None = Field(default=None, max_length=300)
    phone: str | None = Field(default=None, max_length=30)
    category: Category | None = None


class AttemptBody(Arguments):
    outcome: Literal["reached", "no_answer", "busy", "wrong_number"]
    note: str = Field(default="", max_length=2000)


class ArticleBody(Arguments):
    locale: Locale = "ko"
    title: str = Field(min_length=1, max_length=160)
    body: str = Field(min_length=1, max_length=20_000)
    kind: Literal["usage", "error_code", "repair_price", "hours", "location", "policy"] = "usage"
    product_category: str = Field(default="", max_length=60)
    keywords: list[str] = Field(default=[], max_length=40)
    published: bool = True
    version: Count | None = Field(default=None, description="refuse when it is not at this one; 0: it is new")
