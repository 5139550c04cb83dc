"""Staff, signing in, sessions, tokens, teams, hours and the company's profile."""

from datetime import UTC, date, datetime, timedelta

import pytest

from crm import assignment, company, hours, logins, sessions, sla, staff, teams, tokens
from crm.actor import SYSTEM, Actor
from crm.business_time import Span
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.models import AuditEntry, LoginAttempt, Session, Staff
from tests.crm.makers import a_company, a_staff, a_team

PASSWORD = "correct horse battery"


async def hired(now: datetime, login: str = "seojun", role: str = "agent", **values: object) -> Staff:
    return await staff.create(
        SYSTEM,
        login=login,
        name="이서준",
        role=role,
        password=PASSWORD,
        now=now,
        **values,  # type: ignore[arg-type]
    )


async def sign_in(
    now: datetime,
    password: str = PASSWORD,
    login: str = "seojun",
    *,
    address: str = "a",
    loopback: bool = True,
) -> sessions.NewSession:
    return await staff.authenticate(login, password, address_key=address, loopback=loopback, now=now)


async def test_the_right_password_opens_a_session_of_twelve_hours(db: str, now: datetime) -> None:
    person = await hired(now)
    assert "argon2id" in person.password_hash
    opened = await sign_in(now, login=" SeoJun ")
    assert (await Session.get()).token_hash != opened.token
    signed = await sessions.of_token(opened.token, now=now + timedelta(hours=11))
    assert signed is not None
    assert (signed.actor.ref, signed.actor.role, signed.csrf) == (f"staff:{person.id}", "agent", opened.csrf)
    assert await sessions.of_token(opened.token, now=now + timedelta(hours=12)) is None
    assert await sessions.of_token("guess", now=now) is None


async def test_a_kept_device_stays_signed_in_for_fourteen_days(db: str, now: datetime) -> None:
    await hired(now)
    opened = await staff.authenticate("seojun", PASSWORD, address_key="a", loopback=True, now=now, keep=True)
    assert await sessions.of_token(opened.token, now=now + timedelta(days=13)) is not None
    await sessions.end(opened.token)
    assert await sessions.of_token(opened.token, now=now) is None


async def test_wrong_tries_count_down_and_then_block_the_login(db: str, now: datetime) -> None:
    await hired(now)
    left = []
    for _ in range(5):
        with pytest.raises(staff.WrongLogin) as wrong:
            await sign_in(now, "wrong")
        left.append(wrong.value.values["tries_left"])
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(staff.LoginBlocked) as blocked:
        await sign_in(now + timedelta(minutes=1), address="elsewhere")
    assert blocked.value.values["minutes"] == 14
    assert (await sign_in(now + timedelta(minutes=16))).staff.login == "seojun"


async def test_one_address_cannot_try_many_logins(db: str, now: datetime) -> None:
    await hired(now)
    for i in range(5):
        with pytest.raises(staff.WrongLogin):
            await sign_in(now, login=f"nobody{i}")
    with pytest.raises(staff.LoginBlocked):
        await sign_in(now)
    assert (await sign_in(now, address="b")).staff.login == "seojun"


async def test_a_right_password_clears_the_count_of_the_login(db: str, now: datetime) -> None:
    await hired(now)
    for _ in range(4):
        with pytest.raises(staff.WrongLogin):
            await sign_in(now, "wrong", address="b")
    await sign_in(now)
    assert await LoginAttempt.filter(key=logins._key("login", "seojun")).count() == 0
    assert await logins.sweep(now + timedelta(minutes=15)) == 4


async def test_a_demo_password_is_refused_away_from_loopback(db: str, now: datetime) -> None:
    person = await hired(now)
    await Staff.filter(id=person.id).update(demo=True)
    with pytest.raises(staff.DemoRefused):
        await sign_in(now, loopback=False)
    assert (await sign_in(now, loopback=True)).staff.id == person.id
    await staff.set_password(SYSTEM, person.id, "another password", now=now)
    assert (await sign_in(now, "another password", loopback=False)).staff.id == person.id


async def test_a_new_password_signs_every_browser_out(db: str, now: datetime) -> None:
    person = await hired(now)
    opened = await sign_in(now)
    own = staff.actor_of(person)
    await staff.set_password(own, person.id, "another password", now=now)
    assert await sessions.of_token(opened.token, now=now) is None
    with pytest.raises(Invalid, match="too_short"):
        await staff.set_password(own, person.id, "short", now=now)


async def test_who_left_comes_in_no_more_by_password_session_or_token(db: str, now: datetime) -> None:
    person = await hired(now)
    opened, token = await sign_in(now), await tokens.issue(SYSTEM, person.id, "script", now=now)
    assert (await tokens.of_bearer(token, now=now)) is not None
    await staff.disable(SYSTEM, person.id, now=now)
    assert await sessions.of_token(opened.token, now=now) is None
    assert await tokens.of_bearer(token, now=now) is None
    with pytest.raises(staff.WrongLogin):
        await sign_in(now)
    await staff.enable(SYSTEM, person.id, now=now)
    assert (await sign_in(now)).staff.active


async def test_a_token_can_be_revoked_and_is_not_stored(db: str, now: datetime) -> None:
    person = await hired(now)
    token = await tokens.issue(SYSTEM, person.id, "script", now=now)
    (row,) = await tokens.list_tokens(SYSTEM)
    assert token not in (row.token_hash, row.name)
    await tokens.revoke(SYSTEM, row.id, now=now)
    assert await tokens.of_bearer(token, now=now) is None
    with pytest.raises(NotFound):
        await tokens.revoke(SYSTEM, row.id, now=now)


async def test_the_last_admin_stays(db: str, now: datetime) -> None:
    boss = await hired(now, "admin", "admin")
    with pytest.raises(Conflict, match="last_admin"):
        await staff.disable(SYSTEM, boss.id, now=now)
    with pytest.raises(Conflict, match="last_admin"):
        await staff.update(SYSTEM, boss.id, {"role": "agent"}, now=now)


async def test_only_an_admin_changes_roles_but_all_their_own_name(db: str, now: datetime) -> None:
    await hired(now, "admin", "admin")
    person = await hired(now)
    own = staff.actor_of(person)
    assert (await staff.update(own, person.id, {"name": "이서준B"}, now=now)).name == "이서준B"
    for change in ({"role": "admin"}, {"team_ids": []}):
        with pytest.raises(Forbidden):
            await staff.update(own, person.id, change, now=now)
    with pytest.raises(Forbidden):
        await staff.disable(own, person.id, now=now)


@pytest.mark.parametrize(
    ("values", "field"),
    [({"login": "이서준"}, "login"), ({"role": "boss"}, "role"), ({"password": "short"}, "password")],
)
async def test_a_wrong_value_names_its_field(
    db: str, now: datetime, values: dict[str, str], field: str
) -> None:
    given = {"login": "seojun", "name": "이서준", "role": "agent", "password": PASSWORD} | values
    with pytest.raises(Invalid) as wrong:
        await staff.create(SYSTEM, now=now, **given)  # type: ignore[arg-type]
    assert wrong.value.field == field


async def test_a_login_is_given_once(db: str, now: datetime) -> None:
    await hired(now)
    with pytest.raises(Conflict, match="login_taken"):
        await hired(now, "SEOJUN")


async def test_teams_and_their_members_are_edited_by_managers(any_db: str, now: datetime) -> None:
    manager = await a_staff(now, "yuna", role="manager")
    agent = await a_staff(now)
    team = await teams.create(manager, name="수리", topics=["repair"], staff_ids=[agent.id or 0], now=now)
    with pytest.raises(Conflict, match="name_taken"):
        await teams.create(manager, name="수리", now=now)
    assert await teams.of_staff(agent.id or 0) == [team.id]
    await teams.update(manager, team.id, {"staff_ids": [manager.id], "name": "수리팀"}, now=now)
    (listed,) = await teams.list_teams()
    assert [m.staff.login for m in listed.members] == ["yuna"]
    with pytest.raises(Forbidden):
        await teams.remove(agent, team.id, now=now)
    assert await AuditEntry.filter(act="team.updated").count() == 1


async def test_a_topic_finds_its_team_or_the_general_one(db: str, now: datetime) -> None:
    assert await assignment.team_for("repair") is None
    first = await a_team("영업", ["sales"])
    general = await a_team("상담", ["general", "complaint"])
    repair = await a_team("수리", ["repair"])
    found = [(await assignment.team_for(topic)) for topic in ("repair", "sales", "weather")]
    assert [team.id for team in found if team] == [repair.id, first.id, general.id]


async def test_presence_lapses_after_half_a_day(db: str, now: datetime) -> None:
    member = await a_staff(now)
    team = await a_team("수리", ["repair"], member)
    assert await assignment.pick(team.id, now + timedelta(hours=13)) is None
    await staff.set_presence(member, "present", now=now + timedelta(hours=13))
    chosen = await assignment.pick(team.id, now + timedelta(hours=13))
    assert chosen is not None
    assert chosen.id == member.id


async def test_a_team_without_hours_keeps_the_companys(any_db: str, now: datetime) -> None:
    await a_company()
    manager = await a_staff(now, "yuna", role="manager")
    team = await a_team("수리", ["repair"])
    noon_saturday = datetime(2026, 3, 7, 3, 0, tzinfo=UTC)
    assert (await hours.load(team.id)).is_open(noon_saturday)
    await hours.replace(manager, team.id, [[Span(540, 720)]] * 5 + [[], []], now=now)
    assert not (await hours.load(team.id)).is_open(noon_saturday)
    assert (await hours.load()).is_open(noon_saturday)
    with pytest.raises(Invalid, match=r"friday\.0\.closes: end_before_start"):
        await hours.replace(manager, None, [[]] * 4 + [[Span(780, 660)]] + [[], []], now=now)
    with pytest.raises(Forbidden):
        await hours.replace(await a_staff(now), None, [[]] * 7, now=now)


async def test_closed_days_to_come_list_holidays_and_own_ones(db: str, now: datetime) -> None:
    await a_company()
    manager = await a_staff(now, "yuna", role="manager")
    off = await hours.add_day_off(manager, date(2026, 5, 4), "회사 휴무", now=now)
    with pytest.raises(Conflict, match="already_off"):
        await hours.add_day_off(manager, date(2026, 5, 4), "회사 휴무", now=now)
    listed = [(c.day.isoformat(), c.name, c.id) for c in await hours.upcoming_closed(now, days=70)]
    assert listed == [("2026-05-04", "회사 휴무", off.id), ("2026-05-05", "어린이날", None)]
    await company.update(manager, {"korean_holidays": False}, now=now)
    await hours.remove_day_off(manager, off.id, now=now)
    assert await hours.upcoming_closed(now, days=70) == []


async def test_an_empty_company_gets_a_profile_and_usual_hours_once(db: str, now: datetime) -> None:
    assert (await company.get()).reply_target_minutes == 15
    await company.ensure("새봄가전", "Saebom")
    assert (await company.ensure("다른 이름")).name == "새봄가전"
    assert (await hours.load()).is_open(now)


async def test_the_profile_names_a_wrong_field(db: str, now: datetime) -> None:
    manager = await a_staff(now, "yuna", role="manager")
    for changes, field in (
        ({"auto_close_days": 0}, "auto_close_days"),
        ({"name": " "}, "name"),
        ({"phone": "전화"}, "phone"),
        ({"email": "help@"}, "email"),
        ({"id": 2}, "id"),
        ({"away_message": "yes"}, "away_message"),
    ):
        with pytest.raises(Invalid) as wrong:
            await company.update(manager, changes, now=now)
        assert wrong.value.field == field
    changed = await company.update(manager, {"settings": {"colour": "green"}}, now=now)
    assert changed.settings == {"colour": "green"}


async def test_an_answer_is_due_in_business_time_and_gets_soon_and_late(db: str, now: datetime) -> None:
    await a_company(reply_target_minutes=15)
    due = await sla.reply_due_at(now)
    assert due == now + timedelta(minutes=75)
    standings = [sla.standing(due, due - timedelta(minutes=m)) for m in (12, 3, -6)]
    assert [(s.state, s.minutes) for s in standings] == [("fine", 12), ("soon", 3), ("late", -6)]


async def test_presence_is_ones_own(db: str, now: datetime) -> None:
    with pytest.raises(Forbidden):
        await staff.set_presence(Actor("contact", 1), "present", now=now)
    with pytest.raises(Invalid):
        await staff.set_presence(await a_staff(now), "asleep", now=now)
