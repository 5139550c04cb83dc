"""The face of conversations: everything front ends, actions and the spine call, gathered from its parts.

`threads` finds and appends, `ownership` says who speaks, `writing` is what staff say, `triage` puts in order,
`inbox_views` reads.
"""

from crm.inbox_views import (
    VIEWS,
    counts,
    customer_sees,
    header,
    inbox_list,
    messages,
    of_contact,
)
from crm.ownership import (
    EXCEPTIONS,
    Handover,
    assign,
    hand_back,
    hand_over,
    may_bot_speak,
    may_send,
    request_closed,
    return_idle,
    standing,
    take_over,
)
from crm.threads import append, event, reach
from crm.triage import (
    PRIORITIES,
    close,
    customer_saw,
    flag_overdue,
    mark_seen,
    mark_unseen,
    reopen,
    set_priority,
    snooze,
    wake_snoozed,
)
from crm.writing import amend_note, mentioned_logins, note, reply

__all__ = [
    "EXCEPTIONS",
    "PRIORITIES",
    "VIEWS",
    "Handover",
    "amend_note",
    "append",
    "assign",
    "close",
    "counts",
    "customer_saw",
    "customer_sees",
    "event",
    "flag_overdue",
    "hand_back",
    "hand_over",
    "header",
    "inbox_list",
    "mark_seen",
    "mark_unseen",
    "may_bot_speak",
    "may_send",
    "mentioned_logins",
    "messages",
    "note",
    "of_contact",
    "reach",
    "reopen",
    "reply",
    "request_closed",
    "return_idle",
    "set_priority",
    "snooze",
    "standing",
    "take_over",
    "wake_snoozed",
]
