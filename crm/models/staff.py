"""Staff, teams, logins, the company's profile and its business hours."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.naming import in_language


class CompanyProfile(Model):
    """The company itself: one row, id 1."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=100)
    name_en = fields.CharField(max_length=100, default="")
    phone = fields.CharField(max_length=20, default="")
    email = fields.CharField(max_length=254, default="")
    refusal_phone = fields.CharField(max_length=20, default="")  # free 080 number to refuse advertising
    address = fields.CharField(max_length=300, default="")
    address_en = fields.CharField(max_length=300, default="")
    privacy_notice = fields.TextField(default="")
    privacy_notice_en = fields.TextField(default="")
    reply_target_minutes = fields.IntField(default=15)  # first human answer, in business minutes
    return_to_bot_minutes = fields.IntField(default=720)  # silence after which staff-owned goes back
    auto_close_days = fields.IntField(default=7)  # resolved requests close by themselves
    korean_holidays = fields.BooleanField(default=True)
    away_message = fields.BooleanField(default=True)
    settings = fields.JSONField[dict[str, Any]](default=dict)

    class Meta:
        table = "company_profile"


class Team(Model):
    """A group of staff that work is assigned to, round robin among the present."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=60, unique=True)
    name_en = fields.CharField(max_length=60, default="")
    topics = fields.JSONField[list[str]](default=list)  # categories it takes: repair, complaint, sales, ...
    last_assigned_id = fields.BigIntField(null=True)  # round robin: the staff member served last

    class Meta:
        table = "team"


class Staff(Model):
    """A person who works here. `login` is unique; the password is an Argon2id hash."""

    id = fields.BigIntField(primary_key=True)
    login = fields.CharField(max_length=40, unique=True)
    name = fields.CharField(max_length=60)
    name_en = fields.CharField(max_length=60, default="")
    email = fields.CharField(max_length=254, default="")
    role = fields.CharField(max_length=12)  # agent technician sales marketing manager admin
    password_hash = fields.CharField(max_length=200, default="")
    demo = fields.BooleanField(default=False)  # a demo password: refused on any address but loopback
    locale = fields.CharField(max_length=5, default="ko")
    presence = fields.CharField(max_length=8, default="away")  # present, busy, away
    presence_at = fields.DatetimeField(null=True)
    active = fields.BooleanField(default=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "staff"

    def called(self, language: str) -> str:
        """The name for who reads `language`."""
        return in_language(self.name, self.name_en, language)


class TeamMember(Model):
    """A staff member of a team."""

    team_id: int
    staff_id: int
    id = fields.BigIntField(primary_key=True)
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField(
        "crm.Team", related_name="members", on_delete=fields.CASCADE
    )
    staff: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="memberships", on_delete=fields.CASCADE
    )

    class Meta:
        table = "team_member"
        unique_together = (("team_id", "staff_id"),)


class BusinessHours(Model):
    """One opening span of one weekday. Without a team it is the company's."""

    id = fields.BigIntField(primary_key=True)
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "crm.Team", related_name="hours", null=True, on_delete=fields.CASCADE
    )
    weekday = fields.IntField()  # 0 Monday to 6 Sunday
    opens = fields.IntField()  # minutes after local midnight
    closes = fields.IntField()  # minutes after local midnight, at most 1440

    class Meta:
        table = "business_hours"
        indexes = [Index(fields=["team_id", "weekday", "opens"])]


class DayOff(Model):
    """A day the company is closed beside the public holidays."""

    id = fields.BigIntField(primary_key=True)
    day = fields.DateField(unique=True)
    name = fields.CharField(max_length=60)

    class Meta:
        table = "day_off"


class Session(Model):
    """A signed-in browser of a staff member; only a hash of its cookie is kept."""

    id = fields.BigIntField(primary_key=True)
    token_hash = fields.CharField(max_length=64, unique=True)
    staff: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="sessions", on_delete=fields.CASCADE
    )
    csrf = fields.CharField(max_length=43)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()

    class Meta:
        table = "session"
        indexes = [Index(fields=["expires_at"])]


class LoginAttempt(Model):
    """Failed logins, for rate limiting by login and address (hash)."""

    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=64)
    at = fields.DatetimeField()

    class Meta:
        table = "login_attempt"
        indexes = [Index(fields=["key", "at"])]


class AccessToken(Model):
    """A bearer token of the REST API; only its hash is kept."""

    id = fields.BigIntField(primary_key=True)
    token_hash = fields.CharField(max_length=64, unique=True)
    staff: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="tokens", on_delete=fields.CASCADE
    )
    name = fields.CharField(max_length=60, default="")
    created_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "access_token"
