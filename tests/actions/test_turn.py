"""The turn: who is answered, in what order, and that a crash leaves nothing behind."""

from typing import Any

import pytest

from bots.work import Assistant
from bots.worker import Worker
from crm import conversations, inbox
from crm.models import Contact, Conversation, DialogueSnapshot, Inbox, Message
from tests.actions.company import MONDAY
from tests.actions.conversation import PAUSE, Customer

pytestmark = pytest.mark.rasa


class Wrapped:
    """The assistant with something happening around it."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant

    async def prepare(self, turn: inbox.Turn) -> Any:
        return await self.assistant.prepare(turn)

    async def commit(self, prepared: Any) -> None:
        await self.assistant.commit(prepared)


class CrashesOnce(Wrapped):
    """Fails after everything has been written, just before the commit."""

    crashed = False

    async def commit(self, prepared: Any) -> None:
        await super().commit(prepared)
        if not self.crashed:
            self.crashed = True
            raise RuntimeError("crash")


class TakenOver(Wrapped):
    """A person takes the conversation over while the bot still reads."""

    def __init__(self, assistant: Assistant, customer: Customer) -> None:
        super().__init__(assistant)
        self.customer = customer

    async def prepare(self, turn: inbox.Turn) -> Any:
        prepared = await super().prepare(turn)
        staff = self.customer.staff["seojun"]
        await conversations.take_over(staff, turn.conversation_id, now=self.customer.at)
        return prepared


async def store(customer: Customer, text: str, number: int) -> None:
    await inbox.store(
        inbox.Inbound(
            channel="web", external_user=customer.user, external_id=f"x{number}", text=text,
            received_at=customer.at,
        ),
        now=customer.at,
    )  # fmt: skip


async def said_by_bot() -> list[str]:
    return [m.text for m in await Message.filter(direction="out").order_by("seq")]


async def test_a_crash_before_the_commit_leaves_nothing_and_is_made_good_once(
    known: Customer,
) -> None:
    for text in ("드럼세탁기 21kg에서 물이 새요", "나중에 정할게요"):
        await known.says(text)
    before = len(await said_by_bot())
    await store(known, "네", 1)
    worker = Worker(CrashesOnce(known.assistant), now=lambda: known.at)
    await worker.drain()
    assert (worker.failures, await known.requests(), len(await said_by_bot())) == (1, [], before)
    await known.waits(minutes=1)
    await worker.drain()
    assert (await known.request()).number == "SR-2026-000001"
    assert (await said_by_bot())[before:] == ["접수됐어요. 번호는 SR-2026-000001이에요."]


async def test_a_person_who_takes_over_while_the_bot_reads_has_the_word(customer: Customer) -> None:
    await store(customer, "안녕하세요", 1)
    await Worker(TakenOver(customer.assistant, customer), now=lambda: customer.at).drain()
    assert await said_by_bot() == []
    assert await Inbox.filter(state="done").count() == 1


async def test_a_blocked_contact_is_stored_and_not_answered(customer: Customer) -> None:
    await Contact.filter(id=await customer.contact_id()).update(blocked=True)
    await customer.says("안녕하세요")
    assert customer.news == []
    assert await Message.filter(direction="in").count() == 1


async def test_messages_in_quick_succession_are_answered_in_order(customer: Customer) -> None:
    for number, text in enumerate(("안녕하세요", "냉장고에서 소리가 나요", "나중에 정할게요")):
        await store(customer, text, number)
    await Worker(customer.assistant, now=lambda: customer.at).drain()
    assert await said_by_bot() == [
        "안녕하세요, 새봄가전이에요. 무엇을 도와드릴까요?",
        "많이 불편하셨겠어요.",
        "언제 방문하면 좋을까요?",
        "어디로 방문하면 될까요? 동·호수까지 적어 주세요.",
    ]


async def test_a_flood_is_answered_as_one(customer: Customer) -> None:
    for number in range(25):
        await store(customer, "여보세요", number)
    await Worker(customer.assistant, now=lambda: customer.at).drain()
    assert len(await said_by_bot()) == 1
    assert await Inbox.filter(state="waiting").count() == 0


async def test_what_was_said_to_a_person_is_not_in_the_bots_memory(customer: Customer) -> None:
    await customer.says("냉장고에서 소리가 나요")
    await customer.says("상담원 연결해 주세요")
    await customer.says("여보세요")
    assert await DialogueSnapshot.all().count() == 0
    conversation = await customer.conversation()
    await conversations.hand_back(customer.staff["seojun"], conversation.id, now=customer.at)
    await customer.says("내일 오후 3시")
    customer.heard_nothing_of("소리")


async def test_the_memory_of_a_conversation_stays_small(known: Customer) -> None:
    for _ in range(6):
        for text in ("세탁기에서 물이 새요", "네", "영업시간이 어떻게 돼요?", "내일 오후 3시", "그만"):
            await known.says(text)
    assert len((await DialogueSnapshot.get()).body.encode()) < 6_000


async def test_replies_are_in_the_time_of_the_message_they_answer(customer: Customer) -> None:
    await customer.says("안녕하세요")
    assert customer.news[0].created_at == MONDAY + PAUSE
    assert (await Conversation.get()).locale == "ko"


async def test_keys_hit_at_random_do_not_change_the_language(customer: Customer) -> None:
    await customer.says("안녕하세요")
    await customer.says("asdf qwer")
    customer.offered("수리 접수")
    await customer.says("세탁기에서 물이 새요")
    customer.heard("언제 방문하면 좋을까요?")


async def test_an_unknown_choice_is_read_by_its_words(customer: Customer) -> None:
    await customer.sends(kind="choice", choice="zzzzzzzz", text="상담원 연결")
    customer.heard("상담원에게 연결했어요.")
