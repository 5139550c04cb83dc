"""Acts of administration: company profile, hours, teams, staff, canned replies, labels."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from bots.staff.acts import Arguments, Done, RowId, act
from crm import canned, company, hours, labels, message_templates, staff, teams
from crm.actor import Actor

Role = Literal["agent", "technician", "sales", "marketing", "manager", "admin"]
Colour = Literal["slate", "blue", "amber", "green", "red"]


class Company(Arguments):
    """Only the given fields change."""

    name: str | None = None
    name_en: str | None = None
    phone: str | None = None
    email: str | None = None
    refusal_phone: str | None = None
    address: str | None = None
    address_en: str | None = None
    privacy_notice: str | None = None
    privacy_notice_en: str | None = None
    reply_target_minutes: int | None = None
    return_to_bot_minutes: int | None = None
    auto_close_days: int | None = None
    korean_holidays: bool | None = None
    away_message: bool | None = None


class OpenSpan(Arguments):
    """Minutes after local midnight."""

    opens: int
    closes: int


class Week(Arguments):
    team: RowId | None = None
    week: list[list[OpenSpan]] = Field(min_length=7, max_length=7)


class NewDayOff(Arguments):
    day: date
    name: str = Field(min_length=1, max_length=60)


class Row(Arguments):
    """A row by its id."""

    id: RowId


class TeamFields(Arguments):
    id: RowId | None = None
    name: str = Field(max_length=60)
    name_en: str = Field(default="", max_length=60)
    topics: list[str] = Field(default=[], max_length=20)
    staff_ids: list[RowId] = Field(default=[], max_length=500)


class StaffFields(Arguments):
    id: RowId | None = None
    login: str = Field(default="", max_length=40)
    name: str = Field(max_length=60)
    name_en: str = Field(default="", max_length=60)
    email: str = Field(default="", max_length=254)
    role: Role = "agent"
    password: str = Field(default="", max_length=1024)
    team_ids: list[RowId] = Field(default=[], max_length=50)


class CannedFields(Arguments):
    id: RowId | None = None
    shortcut: str = Field(max_length=41)
    title: str = Field(max_length=80)
    text: str = Field(max_length=4000)
    locale: Literal["ko", "en"] = "ko"


class TemplateFields(Arguments):
    """`buttons`: one a line, the name and the address with a bar between them."""

    id: RowId | None = None
    use: str = Field(max_length=24)
    code: str = Field(max_length=61)
    text: str = Field(max_length=2000)
    buttons: str = Field(default="", max_length=4000)
    status: Literal["draft", "pending", "approved", "rejected", "stopped"] = "draft"
    locale: Literal["ko", "en"] = "ko"


class LabelFields(Arguments):
    id: RowId | None = None
    name: str = Field(max_length=40)
    colour: Colour = "slate"


@act("company_update")
async def update_company(actor: Actor, args: Company, now: datetime) -> Done:
    await company.update(actor, args.model_dump(exclude_unset=True), now=now)
    return Done("company_update")


@act("hours_save")
async def save_hours(actor: Actor, args: Week, now: datetime) -> Done:
    """Replace a whole week. Raises `Invalid` naming weekday, span and end, e.g. `friday.1.closes`."""
    week = [[hours.Span(span.opens, span.closes) for span in day] for day in args.week]
    await hours.replace(actor, args.team, week, now=now)
    return Done("hours_save")


@act("day_off_add")
async def add_day_off(actor: Actor, args: NewDayOff, now: datetime) -> Done:
    added = await hours.add_day_off(actor, args.day, args.name, now=now)
    return Done("day_off_add", {"name": added.name}, result={"id": added.id})


@act("day_off_remove")
async def remove_day_off(actor: Actor, args: Row, now: datetime) -> Done:
    await hours.remove_day_off(actor, args.id, now=now)
    return Done("day_off_remove")


@act("team_save")
async def save_team(actor: Actor, args: TeamFields, now: datetime) -> Done:
    changes = args.model_dump(exclude={"id"})
    if args.id is None:
        saved = await teams.create(actor, **changes, now=now)
    else:
        saved = await teams.update(actor, args.id, changes, now=now)
    return Done("team_save", {"name": saved.name}, result={"id": saved.id})


@act("team_remove")
async def remove_team(actor: Actor, args: Row, now: datetime) -> Done:
    await teams.remove(actor, args.id, now=now)
    return Done("team_remove")


@act("staff_save")
async def save_staff(actor: Actor, args: StaffFields, now: datetime) -> Done:
    """Add or change a staff member; a password given here signs them out everywhere."""
    fields = args.model_dump(include={"name", "name_en", "email", "role", "team_ids"})
    if args.password:  # before anything is written: all of the form is saved, or nothing
        staff.check_password(args.password)
    if args.id is None:
        saved = await staff.create(actor, login=args.login, password=args.password, **fields, now=now)
    else:
        saved = await staff.update(actor, args.id, fields, now=now)
        if args.password:
            await staff.set_password(actor, args.id, args.password, now=now)
    return Done("staff_save", {"name": saved.name}, result={"id": saved.id})


@act("staff_disable")
async def disable_staff(actor: Actor, args: Row, now: datetime) -> Done:
    await staff.disable(actor, args.id, now=now)
    return Done("staff_disable")


@act("staff_enable")
async def enable_staff(actor: Actor, args: Row, now: datetime) -> Done:
    await staff.enable(actor, args.id, now=now)
    return Done("staff_enable")


@act("canned_save")
async def save_canned(actor: Actor, args: CannedFields, now: datetime) -> Done:
    fields = args.model_dump(exclude={"id"})
    saved = await canned.save(actor, canned_id=args.id, **fields, now=now)
    return Done("canned_save", {"title": saved.title}, result={"id": saved.id})


@act("canned_delete")
async def delete_canned(actor: Actor, args: Row, now: datetime) -> Done:
    await canned.delete(actor, args.id, now=now)
    return Done("canned_delete")


@act("template_save")
async def save_template(actor: Actor, args: TemplateFields, now: datetime) -> Done:
    fields = args.model_dump(exclude={"id", "buttons"})
    lines = [line.partition("|") for line in args.buttons.splitlines() if line.strip()]
    buttons = [{"name": name.strip(), "url": url.strip()} for name, _, url in lines]
    saved = await message_templates.save(actor, template_id=args.id, buttons=buttons, **fields, now=now)
    return Done("template_save", {"code": saved.code}, result={"id": saved.id})


@act("template_delete")
async def delete_template(actor: Actor, args: Row, now: datetime) -> Done:
    await message_templates.delete(actor, args.id, now=now)
    return Done("template_delete")


@act("label_save")
async def save_label(actor: Actor, args: LabelFields, now: datetime) -> Done:
    if args.id is None:
        saved = await labels.create(actor, args.name, colour=args.colour, now=now)
    else:
        saved = await labels.change(actor, args.id, name=args.name, colour=args.colour, now=now)
    return Done("label_save", {"name": saved.name}, result={"id": saved.id})


@act("label_delete")
async def delete_label(actor: Actor, args: Row, now: datetime) -> Done:
    await labels.delete(actor, args.id, now=now)
    return Done("label_delete")
