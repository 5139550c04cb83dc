"""Staff in Slack: what came from there, who they are, whose channel is whose, what is to be shown."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.models.staff import Staff, Team


class StaffEvent(Model):
    """Something a staff member did in a face that calls us; stored before it is acknowledged.

    `queue` is the lane (kind `staff`) within which events keep their order, such as one thread. What was
    said is emptied once it is done.
    """

    id = fields.BigIntField(primary_key=True)
    face = fields.CharField(max_length=16)  # slack
    account = fields.CharField(max_length=64, default="")
    external_id = fields.CharField(max_length=200)
    queue = fields.BigIntField()
    kind = fields.CharField(max_length=16)
    data = fields.JSONField[dict[str, Any]](default=dict)
    message_id = fields.BigIntField(null=True)  # the note or reply that it became
    state = fields.CharField(max_length=8, default="waiting")  # waiting, done, parked
    error = fields.CharField(max_length=200, default="")
    received_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "staff_event"
        unique_together = (("face", "account", "external_id"),)
        indexes = [
            Index(fields=["queue", "state", "id"]),
            Index(fields=["message_id"]),
            Index(fields=["state", "done_at"]),
        ]


class SlackUser(Model):
    """A Slack user whose e-mail is a staff member's: that staff member once an admin has approved it."""

    id = fields.BigIntField(primary_key=True)
    account = fields.CharField(max_length=64, default="")
    slack_id = fields.CharField(max_length=32)  # Slack's id, U…
    name = fields.CharField(max_length=80, default="")
    staff: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="slack_users", on_delete=fields.CASCADE
    )
    staff_id: int
    state = fields.CharField(max_length=8, default="waiting")  # waiting, approved, refused
    asked_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)
    seen_at = fields.DatetimeField(null=True)  # when Slack last vouched for the e-mail

    class Meta:
        table = "slack_user"
        unique_together = (("account", "slack_id"),)
        indexes = [Index(fields=["staff_id"])]


class SlackChannel(Model):
    """A Slack channel that our app was invited to. Only a private, unshared one may show customers."""

    id = fields.BigIntField(primary_key=True)
    account = fields.CharField(max_length=64, default="")
    channel = fields.CharField(max_length=32)  # Slack's id, C… or G…
    name = fields.CharField(max_length=80, default="")
    private = fields.BooleanField(default=False)
    shared = fields.BooleanField(default=False)  # with another company or workspace
    member = fields.BooleanField(default=True)
    seen_at = fields.DatetimeField()

    class Meta:
        table = "slack_channel"
        unique_together = (("account", "channel"),)


class SlackWorkspace(Model):
    """A workspace that was connected by OAuth, or one of a token in the settings that removed our app.

    `account` is Slack's id of the workspace (T…), or the name of the settings. `sealed` holds the token, and
    nothing once the app was removed.
    """

    id = fields.BigIntField(primary_key=True)
    account = fields.CharField(max_length=64, unique=True)
    app = fields.CharField(max_length=32, default="")  # the name of the settings whose app it installed
    name = fields.CharField(max_length=120, default="")
    sealed = fields.BinaryField(null=True)
    state = fields.CharField(max_length=8, default="on")  # on, gone
    staff_id = fields.BigIntField(null=True)  # who connected it
    installed_at = fields.DatetimeField()
    gone_at = fields.DatetimeField(null=True)

    class Meta:
        table = "slack_workspace"
        indexes = [Index(fields=["app", "state"])]


class SlackState(Model):
    """A connecting that was begun on the desk, known by the digest of its word; good once, for minutes."""

    id = fields.BigIntField(primary_key=True)
    digest = fields.CharField(max_length=64, unique=True)
    staff_id = fields.BigIntField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "slack_state"
        indexes = [Index(fields=["expires_at"])]


class SlackRoute(Model):
    """The Slack channel of one team's work; without a team, of all work that no other route takes."""

    id = fields.BigIntField(primary_key=True)
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "crm.Team", related_name="slack_routes", null=True, on_delete=fields.CASCADE
    )
    team_id: int | None
    channel: fields.ForeignKeyRelation[SlackChannel] = fields.ForeignKeyField(
        "crm.SlackChannel", related_name="routes", on_delete=fields.CASCADE
    )
    channel_id: int

    class Meta:
        table = "slack_route"
        unique_together = (("team_id",),)
        indexes = [Index(fields=["channel_id"])]


class SlackCard(Model):
    """A card in a Slack channel, the root of a thread. It is due while `wanted` is ahead of `shown`."""

    id = fields.BigIntField(primary_key=True)
    account = fields.CharField(max_length=64, default="")
    channel = fields.CharField(max_length=32)
    subject = fields.CharField(max_length=12)  # conversation, request
    subject_id = fields.BigIntField()
    ts = fields.CharField(max_length=32, default="")  # Slack's id of the message; empty until posted
    wanted = fields.IntField(default=0)
    shown = fields.IntField(default=0)
    current = fields.BooleanField(default=True)  # false once the subject moved to another channel
    attempts = fields.IntField(default=0)
    error = fields.CharField(max_length=200, default="")
    created_at = fields.DatetimeField()

    class Meta:
        table = "slack_card"
        unique_together = (("account", "channel", "subject", "subject_id"),)
        indexes = [
            Index(fields=["subject", "subject_id"]),
            Index(fields=["account", "channel", "ts"]),
            Index(fields=["current", "id"]),
        ]


class SlackPost(Model):
    """One request to Slack, in order within its `queue`: a card's id, or minus an event's that it answers."""

    id = fields.BigIntField(primary_key=True)
    account = fields.CharField(max_length=64, default="")
    queue = fields.BigIntField()
    card: fields.ForeignKeyNullableRelation[SlackCard] = fields.ForeignKeyField(
        "crm.SlackCard", related_name="posts", null=True, on_delete=fields.CASCADE
    )
    card_id: int | None
    kind = fields.CharField(max_length=12)  # message, word, ephemeral, respond, view, react, withdraw
    data = fields.JSONField[dict[str, Any]](default=dict)
    message_id = fields.BigIntField(null=True)  # of ours, for kind `message`: rendered when it is sent
    key = fields.CharField(max_length=80, unique=True)
    state = fields.CharField(max_length=8, default="waiting")  # waiting, sent, dead
    attempts = fields.IntField(default=0)
    error = fields.CharField(max_length=200, default="")
    ts = fields.CharField(max_length=32, default="")
    created_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "slack_post"
        indexes = [
            Index(fields=["queue", "state", "id"]),
            Index(fields=["card_id"]),
            Index(fields=["message_id"]),
            Index(fields=["state", "done_at"]),
        ]
