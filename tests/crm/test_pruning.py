"""What is done with goes after its time; what somebody still needs stays."""

from datetime import timedelta

from crm import happenings, inbox, pruning
from crm.models import Cursor, Happening, Inbox, Message, Outbox


async def receive(now, external_id: str, channel: str = "web", state: str = "done") -> int:
    stored = await inbox.store(
        inbox.Inbound(
            channel=channel, external_user="kim", external_id=external_id, text="안녕", received_at=now
        ),
        now=now,
    )
    await Inbox.filter(id=stored.inbox_id).update(state=state, done_at=now)
    return stored.inbox_id


async def test_old_received_messages_go_and_what_they_said_stays(any_db, now):
    old = now - pruning.KEPT - timedelta(days=1)
    await receive(old, "old")
    kept = [
        await receive(old, "parked", state="parked"),
        await receive(old, "waiting", state="waiting"),
        await receive(old, "mail", channel="email"),
        await receive(now - timedelta(days=1), "new"),
    ]
    assert await pruning.prune(now) == 1
    assert sorted(await Inbox.all().values_list("id", flat=True)) == sorted(kept)
    assert await Message.all().count() == 5
    assert await pruning.prune(now) == 0


async def test_a_very_old_mail_goes_too(any_db, now):
    await receive(now - pruning.MAIL_KEPT - timedelta(days=1), "mail", channel="email")
    assert await pruning.prune(now) == 1


async def test_dead_letters_stay_until_somebody_looks(any_db, now):
    await receive(now, "1")
    message = await Message.first()
    given = {"identity_id": 1, "message_id": message.id, "conversation_id": 1, "channel": "web"}
    identity_id = (await Inbox.first().select_related("conversation")).conversation.identity_id
    for at, state in enumerate(("sent", "dead", "waiting"), 1):
        old = now - timedelta(days=100 + at)
        await Outbox.create(**{**given, "identity_id": identity_id}, state=state, ordinal=at, created_at=old)
    await pruning.prune(now)
    assert set(await Outbox.all().values_list("state", flat=True)) == {"dead", "waiting"}


async def test_happenings_stay_until_every_durable_reader_has_seen_them(any_db, now):
    old = now - timedelta(days=100)
    numbers = [await happenings.record("company.changed", now=old) for _ in range(4)]
    numbers.append(await happenings.record("company.changed", now=now))
    assert await pruning.prune(now) == 0  # nobody has begun to read
    await Cursor.create(name="quick", last_id=numbers[-1])
    await Cursor.create(name="slow", last_id=numbers[1])
    assert await pruning.prune(now) == 2
    await Cursor.filter(name="slow").update(last_id=numbers[-1])
    assert await pruning.prune(now) == 2
    assert await Happening.all().values_list("id", flat=True) == numbers[-1:]
    assert [one.id for one in await happenings.since(numbers[-1] - 1)] == numbers[-1:]
