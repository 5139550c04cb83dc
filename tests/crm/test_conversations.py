"""Conversations: numbering, who speaks, notes and replies, queue, snooze, lists."""

import asyncio
import re
from datetime import timedelta

import pytest

from benchmarks.crm_sides import overheard
from crm import audit, conversations, db, identities, inbox_views, search, vault
from crm.actor import BOT, SYSTEM, Actor
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.models import (
    AuditEntry,
    BusinessHours,
    CompanyProfile,
    Contact,
    Conversation,
    File,
    Happening,
    Mention,
    Message,
    ServiceRequest,
    Staff,
    Team,
    TeamMember,
)  # fmt: skip


@pytest.fixture(autouse=True)
def secret():
    vault.use(b"a secret of the installation")


async def staff(login, now, role="agent", presence="present"):
    row = await Staff.create(
        login=login, name=login.title(), role=role, presence=presence, presence_at=now, created_at=now
    )
    return Actor("staff", row.id, role, row.name)


@pytest.fixture
async def yuna(db, now):
    return await staff("yuna", now)


@pytest.fixture
async def seojun(db, now):
    return await staff("seojun", now)


async def conversation(now, who="s1", name="김민준"):
    identity = await identities.find_or_create("web", "", who, display_name=name, now=now)
    return await conversations.reach(identity, now=now, locale="ko")


@pytest.fixture
async def talk(db, now):
    return await conversation(now)


async def said(talk, text, now, **more):
    return await conversations.append(talk.id, direction="in", author="contact", text=text, now=now, **more)


async def again(talk):
    return await Conversation.get(id=talk.id)


async def open_team(*members):
    await CompanyProfile.create(id=1, name="새봄가전", korean_holidays=False)
    team = await Team.create(name="수리", topics=["repair", "general"])
    for member in members:
        await TeamMember.create(team_id=team.id, staff_id=member.id)
    for weekday in range(5):
        await BusinessHours.create(team_id=team.id, weekday=weekday, opens=540, closes=1080)
    return team


# --- reaching and numbering


async def test_a_customer_who_writes_again_stays_in_the_running_conversation(talk, now):
    assert (await conversation(now)).id == talk.id


async def test_a_conversation_closed_lately_is_reopened_and_an_old_one_is_not(talk, yuna, now):
    await conversations.close(yuna, talk.id, now)
    assert (await conversation(now + timedelta(days=2))).id == talk.id
    await conversations.close(yuna, talk.id, now)
    later = await conversation(now + timedelta(days=4))
    assert later.id != talk.id
    assert later.status == "open"


async def test_messages_are_numbered_without_a_gap_however_many_write_at_once(any_db_talk, now):
    talk = any_db_talk
    await asyncio.gather(*(db.retried(lambda n=n: said(talk, f"{n}", now)) for n in range(20)))
    seqs = await Message.filter(conversation_id=talk.id).order_by("seq").values_list("seq", flat=True)
    assert seqs == list(range(1, 21))
    assert (await again(talk)).message_seq == 20


@pytest.fixture
async def any_db_talk(any_db, now):
    return await conversation(now)


async def test_first_messages_at_once_reach_one_conversation(any_db, now):
    async def first():
        async with db.transaction():
            return await conversation(now)

    found = await asyncio.gather(*(db.retried(first) for _ in range(8)))
    assert len({talk.id for talk in found}) == 1


async def test_text_that_a_database_cannot_store_is_cleaned(talk, now):
    message = await said(talk, "물이\x00 새요\ud800", now)
    assert message.text == "물이 새요?"


@pytest.mark.usefixtures("db")
async def test_a_message_into_no_conversation_is_not_found(now):
    with pytest.raises(NotFound):
        await conversations.append(99, direction="in", author="contact", text="네", now=now)


async def test_a_naive_time_is_refused(talk, now):
    with pytest.raises(Invalid):
        await said(talk, "네", now.replace(tzinfo=None))


# --- who speaks


@pytest.mark.parametrize("purpose", ["reply", "ad"])
async def test_the_bot_starts_nothing_while_a_person_owns_the_conversation(talk, yuna, now, purpose):
    assert await conversations.may_send(talk.id, author="bot", purpose=purpose)
    await conversations.take_over(yuna, talk.id, now)
    assert not await conversations.may_send(talk.id, author="bot", purpose=purpose)
    assert not conversations.may_bot_speak(await again(talk), purpose)


@pytest.mark.parametrize("purpose", sorted(conversations.EXCEPTIONS))
async def test_notices_and_what_law_or_a_channel_demands_pass_while_a_person_owns_it(
    talk, yuna, now, purpose
):
    await conversations.take_over(yuna, talk.id, now)
    assert await conversations.may_send(talk.id, author="bot", purpose=purpose)


async def test_a_blocked_contact_hears_nothing_from_the_bot_but_may_hear_from_staff(talk):
    await Contact.filter(id=talk.contact_id).update(blocked=True)
    assert not await conversations.may_send(talk.id, author="bot", purpose="info")
    assert await conversations.may_send(talk.id, author="staff")


async def test_a_customer_asking_for_a_person_gets_the_present_member_in_turn(talk, yuna, seojun, now):
    await open_team(yuna, seojun)
    first = await conversations.hand_over(talk.id, reason="asked", team_topic="repair", now=now)
    assert first == conversations.Handover(1, True, None, "Yuna")
    other = await conversation(now, "s2")
    second = await conversations.hand_over(other.id, reason="asked", team_topic="repair", now=now)
    assert (second.position, second.ahead, second.assignee_name) == (2, 1, "Seojun")


async def test_asking_twice_for_a_person_changes_nothing(talk, yuna, seojun, now):
    await open_team(yuna, seojun)
    first = await conversations.hand_over(talk.id, reason="asked", now=now)
    later = await conversations.hand_over(talk.id, reason="asked", now=now + timedelta(minutes=1))
    assert later == first
    assert await Happening.filter(kind="conversation.handed_over").count() == 1


async def test_outside_hours_nobody_is_assigned_and_the_next_opening_is_told(talk, yuna, now):
    await open_team(yuna)
    night = now.replace(hour=12)  # 21:00 in Seoul
    handover = await conversations.hand_over(talk.id, reason="asked", now=night)
    assert handover == conversations.Handover(1, False, (now + timedelta(days=1)).replace(hour=0), "")
    assert (await again(talk)).reply_due_at == (now + timedelta(days=1)).replace(hour=0, minute=15)


@pytest.mark.usefixtures("db")
async def test_who_asks_later_waits_behind_who_asked_before(now):
    talks = [await conversation(now, f"s{n}") for n in range(3)]
    for minutes, talk in enumerate(talks):
        at = now + timedelta(minutes=minutes)
        assert (await conversations.hand_over(talk.id, reason="asked", now=at)).position == minutes + 1


async def test_a_reply_ends_the_wait_and_a_new_message_starts_it_again(talk, yuna, now):
    await conversations.hand_over(talk.id, reason="asked", now=now)
    assert (await again(talk)).waiting_since == now
    await conversations.reply(yuna, talk.id, "안녕하세요", expected_seq=None, now=now)
    row = await again(talk)
    assert (row.waiting_since, row.reply_due_at) == (None, None)
    assert row.returns_at == now + timedelta(minutes=720)
    later = now + timedelta(minutes=5)
    await said(talk, "네", later)
    row = await again(talk)
    assert (row.waiting_since, row.returns_at) == (later, None)
    assert row.reply_due_at is not None


async def test_a_quiet_conversation_goes_back_to_the_bot_but_never_one_that_is_owed_an_answer(
    talk, yuna, now
):
    owed = await conversation(now, "s2")
    await conversations.hand_over(owed.id, reason="asked", now=now)
    await conversations.take_over(yuna, talk.id, now)
    assert await conversations.return_idle(now + timedelta(minutes=719)) == 0
    assert await conversations.return_idle(now + timedelta(minutes=720)) == 1
    assert (await again(talk)).owner == "bot"
    assert (await again(owed)).owner == "staff"


async def test_a_request_closed_by_time_gives_the_conversation_back_unless_the_customer_waits(
    talk, yuna, now
):
    await conversations.take_over(yuna, talk.id, now)
    await said(talk, "하나 더요", now)
    assert not await conversations.request_closed(talk.id, now=now)
    await conversations.reply(yuna, talk.id, "네", expected_seq=None, now=now)
    assert await conversations.request_closed(talk.id, now=now)
    assert (await again(talk)).owner == "bot"


async def test_a_request_closed_by_staff_gives_it_back_even_after_a_thank_you(talk, yuna, now):
    await conversations.take_over(yuna, talk.id, now)
    await said(talk, "감사합니다", now)
    assert await conversations.request_closed(talk.id, by_staff=True, now=now)
    assert (await again(talk)).waiting_since is None


async def test_another_open_request_keeps_the_conversation_with_staff(talk, yuna, now):
    await ServiceRequest.create(
        number="SR-2026-000001", contact_id=talk.contact_id, conversation_id=talk.id,
        created_at=now, updated_at=now, status_at=now,
    )  # fmt: skip
    await conversations.take_over(yuna, talk.id, now)
    assert not await conversations.request_closed(talk.id, by_staff=True, now=now)


async def test_every_change_of_owner_by_staff_is_audited(talk, yuna, now):
    await conversations.take_over(yuna, talk.id, now)
    await conversations.hand_back(yuna, talk.id, now)
    acts = await AuditEntry.all().order_by("id").values_list("act", flat=True)
    assert acts == ["conversation.taken_over", "conversation.handed_back"]


async def test_marketing_may_read_and_not_write(talk, now):
    mina = await staff("mina", now, role="marketing")
    assert await conversations.messages(mina, talk.id) == []
    for act in (
        conversations.take_over(mina, talk.id, now),
        conversations.note(mina, talk.id, "메모", now=now),
        conversations.reply(mina, talk.id, "답장", expected_seq=None, now=now),
    ):
        with pytest.raises(Forbidden):
            await act


# --- replies and notes


async def test_replying_takes_over_what_nobody_holds(talk, yuna, now):
    message = await conversations.reply(yuna, talk.id, "안녕하세요", expected_seq=None, now=now)
    row = await again(talk)
    assert (row.owner, row.assignee_id) == ("staff", yuna.id)
    assert (message.direction, message.author) == ("out", "staff")


async def test_a_colleagues_unseen_reply_stops_mine_once(talk, yuna, seojun, now):
    asked = await said(talk, "언제 오나요", now)
    await conversations.reply(yuna, talk.id, "3시요", expected_seq=asked.seq, now=now)
    with pytest.raises(Conflict) as refused:
        await conversations.reply(seojun, talk.id, "4시요", expected_seq=asked.seq, now=now)
    assert refused.value.reason == "newer_messages"
    assert refused.value.values["names"] == ["Yuna"]
    seen = refused.value.values["seq"]
    await conversations.reply(seojun, talk.id, "아니 4시요", expected_seq=seen, now=now)
    assert await Message.filter(direction="out").count() == 2


async def test_a_customers_or_my_own_newer_message_stops_nothing(talk, yuna, now):
    asked = await said(talk, "언제 오나요", now)
    await conversations.reply(yuna, talk.id, "3시요", expected_seq=asked.seq, now=now)
    await said(talk, "네", now)
    await conversations.reply(yuna, talk.id, "감사합니다", expected_seq=asked.seq, now=now)


async def test_a_note_is_no_reply_and_calls_the_colleague_it_names(talk, yuna, seojun, now):
    await conversations.hand_over(talk.id, reason="asked", now=now)
    before = await again(talk)
    await conversations.note(yuna, talk.id, "@seojun님 확인 부탁해요. 메일은 a@yuna.kr", now=now)
    after = await again(talk)
    assert (after.waiting_since, after.last_message, after.unread) == (now, before.last_message, 0)
    assert await Mention.all().values_list("staff_id", flat=True) == [seojun.id]
    assert [m["direction"] for m in await conversations.customer_sees(talk.id)] == []
    assert (await conversations.counts(seojun))["mentions"] == 1
    await conversations.mark_seen(seojun, talk.id, now)
    assert (await conversations.counts(seojun))["mentions"] == 0


async def test_only_its_author_changes_a_note_and_others_are_told(talk, yuna, seojun, now):
    left = await conversations.note(yuna, talk.id, "전화함", now=now)
    assert await conversations.amend_note(yuna, left.id, "두 번 전화함", now=now)
    with pytest.raises(Conflict, match="another_author"):
        await conversations.amend_note(seojun, left.id, "안 했음", now=now)
    asked = await said(talk, "언제 오나요", now)
    with pytest.raises(NotFound):
        await conversations.amend_note(yuna, asked.id, "다른 말", now=now)
    assert (await Message.get(id=left.id)).text == "두 번 전화함"


async def test_a_conversation_can_be_put_back_among_the_unread(talk, seojun, now):
    await conversations.mark_seen(seojun, talk.id, now)
    await conversations.mark_unseen(seojun, talk.id, now)
    assert (await Conversation.get(id=talk.id)).unread == 1


async def test_who_may_only_look_leaves_it_unread_and_the_customer_hears_of_no_reader(talk, seojun, now):
    await said(talk, "누구 없나요", now)
    watching = Actor("staff", seojun.id, "marketing", "오마리")
    before = await again(talk)
    await conversations.mark_seen(watching, talk.id, now)
    after = await again(talk)
    assert (after.unread, after.staff_seen_seq) == (before.unread, before.staff_seen_seq)
    assert after.unread > 0
    with pytest.raises(Forbidden):
        await conversations.mark_unseen(watching, talk.id, now)


@pytest.mark.parametrize(
    ("text", "reason"), [("", "required"), ("   ", "required"), ("가" * 4001, "too_long")]
)
async def test_an_empty_or_endless_reply_is_refused(talk, yuna, now, text, reason):
    with pytest.raises(Invalid) as refused:
        await conversations.reply(yuna, talk.id, text, expected_seq=None, now=now)
    assert refused.value.reason == reason


async def upload(owner, now):
    return (
        await File.create(
            token=f"token-{owner}-{await File.all().count()}", owner=owner, name="a.jpg", type="image/jpeg",
            size=1, sha256="", storage_key="k", created_at=now,
        )
    ).token  # fmt: skip


async def test_a_customer_can_attach_only_what_they_uploaded(talk, now):
    identity_id = talk.identity_id
    own, other = await upload(f"identity:{identity_id}", now), await upload("identity:99", now)
    message = await said(talk, "", now, files=[own, other, "unknown"])
    assert await File.filter(message_id=message.id).values_list("token", flat=True) == [own]
    (shown,) = await conversations.customer_sees(talk.id)
    assert [file["token"] for file in shown["files"]] == [own]
    assert (await again(talk)).last_message["kind"] == "file"


async def test_a_staff_members_unknown_file_is_refused_and_nothing_sent(talk, yuna, now):
    with pytest.raises(Invalid):
        await conversations.reply(yuna, talk.id, "사진", files=["unknown"], expected_seq=None, now=now)
    assert await Message.all().count() == 0


# --- putting in order


async def test_a_snoozed_conversation_comes_back_at_its_time_or_when_the_customer_writes(talk, yuna, now):
    tomorrow = now + timedelta(days=1)
    await conversations.snooze(yuna, talk.id, tomorrow, now)
    assert await conversations.wake_snoozed(now) == 0
    await said(talk, "저기요", now)
    assert (await again(talk)).status == "open"
    await conversations.snooze(yuna, talk.id, tomorrow, now)
    assert await conversations.wake_snoozed(tomorrow) == 1
    assert (await again(talk)).status == "open"


async def test_snoozing_into_the_past_or_what_is_closed_is_refused(talk, yuna, now):
    with pytest.raises(Invalid):
        await conversations.snooze(yuna, talk.id, now, now)
    await conversations.close(yuna, talk.id, now)
    with pytest.raises(Conflict):
        await conversations.snooze(yuna, talk.id, now + timedelta(days=1), now)


async def test_what_the_customer_saw_never_goes_back(talk, yuna, now):
    for text in ("하나", "둘"):
        await conversations.reply(yuna, talk.id, text, expected_seq=None, now=now)
    last = (await again(talk)).message_seq
    await conversations.customer_saw(talk.id, last, now)
    await conversations.customer_saw(talk.id, 1, now)
    await conversations.customer_saw(talk.id, 10**6, now)
    assert (await again(talk)).seen_seq == last
    assert set(await Message.filter(direction="out").values_list("state", flat=True)) == {"seen"}


async def test_an_unknown_priority_is_refused(talk, yuna, now):
    await conversations.set_priority(yuna, talk.id, "urgent", now)
    with pytest.raises(Invalid):
        await conversations.set_priority(yuna, talk.id, "asap", now)
    assert (await again(talk)).priority == "urgent"


# --- lists


async def ids(actor, view, **more):
    return [item["id"] for item in (await conversations.inbox_list(actor, view=view, **more)).items]


async def test_every_view_shows_its_own_conversations(any_db, now):
    yuna, seojun = await staff("yuna", now), await staff("seojun", now)
    bot, mine, queue, hers, snoozed, closed = [await conversation(now, f"s{n}") for n in range(6)]
    await conversations.take_over(yuna, mine.id, now)
    await conversations.hand_over(queue.id, reason="asked", now=now)
    await conversations.take_over(seojun, hers.id, now)
    await conversations.note(yuna, hers.id, "@seojun @yuna", now=now)
    await conversations.snooze(yuna, snoozed.id, now + timedelta(days=1), now)
    await conversations.close(yuna, closed.id, now)
    assert await ids(yuna, "mine") == [mine.id]
    assert await ids(yuna, "unassigned") == [queue.id]
    assert await ids(seojun, "mentions") == [hers.id]
    assert await ids(yuna, "mentions") == []
    assert await ids(yuna, "snoozed") == [snoozed.id]
    assert await ids(yuna, "closed") == [closed.id]
    assert set(await ids(yuna, "all")) == {bot.id, mine.id, queue.id, hers.id}
    assert await conversations.counts(yuna) == {
        "mine": 1, "unassigned": 1, "snoozed": 1, "all": 4, "mentions": 0,
    }  # fmt: skip


async def test_a_list_turns_its_pages_without_repeating_or_missing_any(any_db, now):
    yuna = await staff("yuna", now)
    talks = [await conversation(now + timedelta(seconds=n // 3), f"s{n}") for n in range(10)]
    shown, after = [], None
    while True:
        page = await conversations.inbox_list(yuna, view="all", after=after, limit=3)
        shown += [item["id"] for item in page.items]
        if (after := page.next) is None:
            break
    assert shown == [talk.id for talk in sorted(talks, key=lambda t: (t.last_message_at, t.id), reverse=True)]


@pytest.mark.parametrize("query", ["김ㅁ", "물이 새", "민준"])
async def test_a_list_is_searched_by_name_and_text(any_db, now, query):
    yuna = await staff("yuna", now)
    wanted = await conversation(now)
    await said(wanted, "세탁기에서 물이 새요", now)
    await conversation(now, "s2", name="이서연")
    await search.index_pending(now)
    assert await ids(yuna, "all", query=query) == [wanted.id]
    assert await ids(yuna, "closed", query=query) == []
    assert await ids(yuna, "all", query="없는 말") == []


@pytest.mark.parametrize("view", ["mine", "unassigned", "snoozed", "mentions", "all"])
async def test_a_conversation_is_found_behind_many_others_of_the_name(any_db, now, view):
    yuna = await staff("yuna", now)
    for other in range(inbox_views.SEARCH_LIMIT + 1):
        await Contact.create(name="김가나", phone=f"+82101111{other:04}", created_at=now, updated_at=now)
    for contact in await Contact.all():
        await search.reindex_contact(contact)
    wanted, beside = await conversation(now, name="김하나"), await conversation(now, "s2", name="이하나")
    for each in (wanted, beside):
        await conversations.hand_over(each.id, reason="asked", now=now)
        if view == "mine":
            await conversations.take_over(yuna, each.id, now)
        elif view == "snoozed":
            await conversations.snooze(yuna, each.id, now + timedelta(hours=1), now)
    reader = yuna
    if view == "mentions":
        reader = await staff("seojun", now)
        for each in (wanted, beside):
            await conversations.note(yuna, each.id, "@seojun 봐 주세요", now=now)
    assert set(await ids(reader, view)) == {wanted.id, beside.id}
    assert await ids(reader, view, query="김") == [wanted.id]
    assert await ids(reader, view, query="하나") == [beside.id, wanted.id]


async def test_a_row_of_the_list_says_all_that_the_list_shows(talk, yuna, now):
    await said(talk, "세탁기에서 물이 새요", now)
    await conversations.take_over(yuna, talk.id, now)
    (row,) = (await conversations.inbox_list(yuna, view="mine")).items
    assert row["name"] == "김민준"
    assert row["last_message"] == {"from": "contact", "text": "세탁기에서 물이 새요", "kind": "text"}
    assert (row["unread"], row["assignee_name"], row["labels"], row["blocked"]) == (1, "Yuna", [], False)
    assert row["last_message_at"] == now
    assert await conversations.header(yuna, talk.id) == row


@pytest.mark.parametrize("fault", [{"view": "theirs"}, {"view": "all", "after": "x"}])
async def test_an_unknown_view_or_cursor_is_refused(yuna, fault):
    with pytest.raises(Invalid):
        await conversations.inbox_list(yuna, **fault)


async def test_a_thread_is_read_from_its_end(talk, yuna, now):
    for n in range(5):
        await said(talk, str(n), now)
    newest = await conversations.messages(yuna, talk.id, limit=2)
    assert [m["text"] for m in newest] == ["3", "4"]
    before = await conversations.messages(yuna, talk.id, before_seq=newest[0]["seq"], limit=2)
    assert [m["text"] for m in before] == ["1", "2"]
    assert [m["seq"] for m in await conversations.customer_sees(talk.id, after_seq=3)] == [4, 5]


async def test_the_bot_and_the_system_need_no_permission(talk, now):
    await conversations.assign(SYSTEM, talk.id, None, None, now)
    await conversations.hand_back(BOT, talk.id, now)
    assert (await again(talk)).owner == "bot"


async def test_people_who_act_at_once_leave_one_owner_and_a_whole_audit(any_db, now):
    people = [await staff(name, now) for name in ("yuna", "seojun", "jiho", "mina")]
    talks = [await conversation(now, f"s{n}") for n in range(3)]
    acts = [
        act
        for talk in talks
        for actor in people
        for act in (
            lambda a=actor, t=talk: conversations.take_over(a, t.id, now),
            lambda a=actor, t=talk: conversations.reply(a, t.id, "네", expected_seq=None, now=now),
            lambda a=actor, t=talk: conversations.note(a, t.id, "@yuna", now=now),
        )
    ]
    await asyncio.gather(*(db.retried(act) for act in acts))
    assert (await audit.verify()).whole
    for talk in talks:
        row = await again(talk)
        assert row.owner == "staff"
        assert row.assignee_id in {actor.id for actor in people}
        assert await Message.filter(conversation_id=talk.id, direction="out").count() == 4


async def test_lists_and_searches_are_served_by_an_index_alone(any_db, now):
    """No plan reads a whole table, even where it would be cheaper while the tables are small."""
    explain = "EXPLAIN QUERY PLAN " if db.dialect() == "sqlite" else "EXPLAIN "
    statements = [
        "SELECT contact_id FROM contact_key WHERE key >= 'n가' AND key < 'n나'"
        " ORDER BY key, contact_id LIMIT 5",
        "SELECT message_id FROM message_key WHERE key = '세탁' ORDER BY message_id DESC LIMIT 5",
        "SELECT id FROM conversation WHERE status = 'open' ORDER BY last_message_at DESC, id DESC LIMIT 5",
        "SELECT id FROM conversation WHERE status = 'open' AND owner = 'staff' AND assignee_id IS NULL"
        " ORDER BY last_message_at DESC, id DESC LIMIT 5",
        "SELECT id FROM timeline_entry WHERE contact_id = 1 ORDER BY at DESC, id DESC LIMIT 5",
    ]
    async with db.transaction():
        if db.dialect() == "postgres":
            await db.execute("SET LOCAL enable_seqscan = off")
            await db.execute("SET LOCAL enable_bitmapscan = off")
        for statement in statements:
            plan = " ".join(
                str(value) for row in await db.fetch(explain + statement) for value in row.values()
            )
            assert "index" in plan.lower(), plan
            assert not any(word in plan for word in ("TEMP B-TREE", "Sort", "SCAN ")), plan


@pytest.mark.postgres
@pytest.mark.parametrize("view", ["mine", "unassigned", "all", "closed"])
async def test_a_page_of_a_long_view_is_read_backwards_from_its_index(pg, now, view):
    """Nobody waits unassigned: PostgreSQL would look through all that is open for want of a column in the
    order."""
    boss = await staff("boss", now, role="manager")
    await conversation(now)
    rest = [name for name in Conversation._meta.fields_db_projection.values() if name not in TOLD]
    await db.execute(
        f"INSERT INTO conversation ({', '.join(TOLD)}, {', '.join(rest)})"
        " SELECT CASE WHEN n % 10 = 0 THEN 'closed' ELSE 'open' END, CASE WHEN n % 3 < 2 THEN 'bot' ELSE"
        f" 'staff' END, CASE WHEN n % 3 = 2 THEN {boss.id} END, now() - n * interval '1 minute', 1000 + n,"
        f" {', '.join(rest)} FROM conversation, generate_series(1, 4000) n"
    )
    await db.execute("ANALYZE")
    async with overheard() as heard:
        await conversations.inbox_list(boss, view=view)
        await asyncio.sleep(0)  # asyncpg tells of a query in the next round of the loop
    asked, args = next((sql, args) for _, sql, args in heard if "FROM conversation v" in sql)
    for mark in range(len(args), 0, -1):  # as a statement without arguments, which EXPLAIN needs here
        value = args[mark - 1]
        asked = asked.replace(f"${mark}", str(value))
    plan = "\n".join(str(row["QUERY PLAN"]) for row in await db.fetch(f"EXPLAIN {asked}"))
    assert "Sort" not in plan, plan
    assert "Backward using idx_conversatio" in plan, plan
    assert view != "unassigned" or re.search(r"Index Cond: .*assignee_id IS NULL", plan), plan


TOLD = ("status", "owner", "assignee_id", "last_message_at", "id")
