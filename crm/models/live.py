"""Live sessions: who was in a call, what they agreed to, what was done, and the recordings of it."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.models.conversations import Conversation
from crm.models.people import Contact
from crm.models.requests import ServiceRequest
from crm.models.staff import Staff, Team


class LiveSession(Model):
    """A call, shared screen or guided page with one contact. Statuses: crm/live_sessions.py."""

    contact_id: int
    request_id: int | None
    conversation_id: int | None
    staff_id: int | None
    team_id: int | None
    id = fields.BigIntField(primary_key=True)
    room = fields.CharField(max_length=32, unique=True)  # what the media room calls it; unguessable
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "crm.Contact", related_name="live_sessions", on_delete=fields.CASCADE
    )
    request: fields.ForeignKeyNullableRelation[ServiceRequest] = fields.ForeignKeyField(
        "crm.ServiceRequest", related_name="live_sessions", null=True, on_delete=fields.SET_NULL
    )
    conversation: fields.ForeignKeyNullableRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name="live_sessions", null=True, on_delete=fields.SET_NULL
    )
    staff: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="live_sessions", null=True, on_delete=fields.SET_NULL
    )
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "crm.Team", related_name="live_sessions", null=True, on_delete=fields.SET_NULL
    )
    purpose = fields.CharField(max_length=8)  # repair, explain
    status = fields.CharField(max_length=10)  # scheduled invited waiting live ended missed cancelled
    asked_by = fields.CharField(max_length=40)  # an actor's reference: staff:3, contact:7, bot
    locale = fields.CharField(max_length=5, default="ko")
    mode = fields.CharField(max_length=8, default="")  # forward, peer; empty before it began
    held = fields.BooleanField(default=False)
    first_seq = fields.BigIntField(default=0)  # the conversation's last number when this was made
    scheduled_at = fields.DatetimeField(null=True)
    remind_at = fields.DatetimeField(null=True)  # when the next reminder is due
    due_at = fields.DatetimeField(null=True)  # when the next look is due: an offer, or missing it
    expires_at = fields.DatetimeField()  # of the links
    waiting_since = fields.DatetimeField(null=True)
    offered_at = fields.DatetimeField(null=True)  # when a callback or a visit was offered instead
    started_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    ended_by = fields.CharField(max_length=40, default="")
    callback_id = fields.BigIntField(null=True)  # what a missed session became
    cost_minor = fields.BigIntField(default=0)  # minutes of staff x the profile's rate, in minor units
    rating = fields.IntField(null=True)
    rating_comment = fields.TextField(default="")
    transcript = fields.TextField(default="")
    summary = fields.JSONField[dict[str, Any]](default=dict)  # suggestions: crm/live_summary.py
    summary_state = fields.CharField(max_length=9, default="")  # suggested, confirmed, dismissed
    created_at = fields.DatetimeField()

    class Meta:
        table = "live_session"
        indexes = [
            Index(fields=["contact_id", "created_at"]),
            Index(fields=["request_id"]),
            Index(fields=["conversation_id"]),
            Index(fields=["status", "waiting_since", "id"]),
            Index(fields=["staff_id", "status"]),
            Index(fields=["remind_at"]),
            Index(fields=["due_at"]),
        ]


class LiveParticipant(Model):
    """Somebody with a place in a live session, by a link of their own."""

    session_id: int
    staff_id: int | None
    id = fields.BigIntField(primary_key=True)
    session: fields.ForeignKeyRelation[LiveSession] = fields.ForeignKeyField(
        "crm.LiveSession", related_name="participants", on_delete=fields.CASCADE
    )
    side = fields.CharField(max_length=8)  # customer, staff, expert, agent (the customer's desktop agent)
    staff: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="live_places", null=True, on_delete=fields.SET_NULL
    )
    name = fields.CharField(max_length=100, default="")
    salt = fields.CharField(max_length=24)  # part of the link's signature: another salt, another link
    expires_at = fields.DatetimeField()
    bound_hash = fields.CharField(max_length=64, default="")  # of the secret of the browser that opened it
    bound_at = fields.DatetimeField(null=True)
    code_hash = fields.CharField(max_length=64, default="")  # of the desktop agent's code, while it waits
    code_until = fields.DatetimeField(null=True)
    refused_opens = fields.IntField(default=0)  # how often another browser tried
    revoked_at = fields.DatetimeField(null=True)
    joined_at = fields.DatetimeField(null=True)
    left_at = fields.DatetimeField(null=True)
    present_ms = fields.BigIntField(default=0)  # in the call so far, without what runs since `joined_at`

    class Meta:
        table = "live_participant"
        indexes = [
            Index(fields=["session_id", "id"]),
            Index(fields=["staff_id"]),
            Index(fields=["code_hash"]),
        ]


class LiveConsent(Model):
    """What a participant agreed to or refused in a session; the newest row of a kind holds."""

    session_id: int
    participant_id: int
    id = fields.BigIntField(primary_key=True)
    session: fields.ForeignKeyRelation[LiveSession] = fields.ForeignKeyField(
        "crm.LiveSession", related_name="consents", on_delete=fields.CASCADE
    )
    participant: fields.ForeignKeyRelation[LiveParticipant] = fields.ForeignKeyField(
        "crm.LiveParticipant", related_name="consents", on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=12)  # recording, view, control, clipboard, files
    granted = fields.BooleanField()
    at = fields.DatetimeField()

    class Meta:
        table = "live_consent"
        indexes = [Index(fields=["session_id", "kind", "id"])]


class LiveEvent(Model):
    """One act in a session, for its timeline. Coordinates and references only; words are in the chat."""

    session_id: int
    participant_id: int | None
    id = fields.BigIntField(primary_key=True)
    session: fields.ForeignKeyRelation[LiveSession] = fields.ForeignKeyField(
        "crm.LiveSession", related_name="events", on_delete=fields.CASCADE
    )
    participant: fields.ForeignKeyNullableRelation[LiveParticipant] = fields.ForeignKeyField(
        "crm.LiveParticipant", related_name="events", null=True, on_delete=fields.SET_NULL
    )
    kind = fields.CharField(max_length=24)  # kinds: crm/live_events.py
    data = fields.JSONField[dict[str, Any]](default=dict)
    at = fields.DatetimeField()

    class Meta:
        table = "live_event"
        indexes = [Index(fields=["session_id", "id"])]


class Recording(Model):
    """A recording of a session: one key, any number of files. Its statuses: crm/recordings.py."""

    session_id: int
    id = fields.BigIntField(primary_key=True)
    session: fields.ForeignKeyRelation[LiveSession] = fields.ForeignKeyField(
        "crm.LiveSession", related_name="recordings", on_delete=fields.CASCADE
    )
    status = fields.CharField(max_length=9, default="open")  # open, closed, deleted
    sealed_key = fields.BinaryField(
        null=True
    )  # the key of its files, sealed with the contact's; gone: erased
    sealed_for = fields.BigIntField()  # that contact, also after a merge
    reason = fields.CharField(max_length=40, default="")  # why it was closed or deleted
    started_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)
    delete_at = fields.DatetimeField(null=True)  # by the retention policy

    class Meta:
        table = "recording"
        indexes = [Index(fields=["session_id", "id"]), Index(fields=["status", "delete_at"])]


class RecordingFile(Model):
    """One sealed WebM file of a recording: a participant's camera and voice, a screen, or all together."""

    recording_id: int
    participant_id: int | None
    id = fields.BigIntField(primary_key=True)
    recording: fields.ForeignKeyRelation[Recording] = fields.ForeignKeyField(
        "crm.Recording", related_name="files", on_delete=fields.CASCADE
    )
    participant: fields.ForeignKeyNullableRelation[LiveParticipant] = fields.ForeignKeyField(
        "crm.LiveParticipant", related_name="recording_files", null=True, on_delete=fields.SET_NULL
    )
    track = fields.CharField(max_length=8)  # camera (with the voice, or the voice alone), screen, mix
    storage_key = fields.CharField(max_length=200)
    size = fields.BigIntField()  # bytes of the sealed file
    plain_size = fields.BigIntField()  # bytes of the WebM within
    sha256 = fields.CharField(max_length=64)  # of the WebM within
    video = fields.BooleanField(default=True)
    audio = fields.BooleanField(default=True)
    repaired = fields.BooleanField(default=False)  # written to its end after a crash
    started_at = fields.DatetimeField()  # of its first frame
    duration_ms = fields.BigIntField()

    class Meta:
        table = "recording_file"
        unique_together = (("recording_id", "participant_id", "track", "started_at"),)


class ControlEntry(Model):
    """One line of a control log: a consent or an input, chained to the line before by its digest."""

    session_id: int
    id = fields.BigIntField(primary_key=True)
    session: fields.ForeignKeyRelation[LiveSession] = fields.ForeignKeyField(
        "crm.LiveSession", related_name="control_entries", on_delete=fields.CASCADE
    )
    source = fields.BigIntField(default=0)  # whose chain: a participant (the desktop agent), 0 for our own
    number = fields.IntField()
    act = fields.CharField(max_length=24)
    data = fields.TextField()  # JSON as it was digested: a JSON column would write numbers anew
    at = fields.CharField(max_length=40)  # ISO 8601 as it was digested
    digest = fields.CharField(max_length=64)
    received_at = fields.DatetimeField()

    class Meta:
        table = "control_entry"
        unique_together = (("session_id", "source", "number"),)
