"""Frames repeated, out of order and senseless: each message is answered once, and no socket is lost."""

from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import Identity, Message
from tests.bots.web.chat_page import Bot, Page

REFUSALS = {"bad_frame", "too_large", "unknown_choice", "not_allowed", "busy"}
RUNS = count()

ids = st.sampled_from(["1", "2", "3"])
numbers = st.integers(-3, 60) | st.sampled_from([2**53, 2**53 + 1, 1.5, "7", None, True])
texts = st.sampled_from(["네", "고르기", "조용히", "a" * 4000, "a" * 4001, "", "\x00", "<b>", "/restart"])
frames = st.one_of(
    st.fixed_dictionaries({"type": st.just("message"), "id": ids, "text": texts}),
    st.fixed_dictionaries({"type": st.just("message"), "id": ids, "text": texts}),
    st.fixed_dictionaries(
        {"type": st.just("choice"), "id": ids, "value": st.sampled_from(["x", "", "0" * 65])}
    ),
    st.fixed_dictionaries(
        {"type": st.just("file"), "id": ids, "upload": st.sampled_from(["x", "../../etc"])}
    ),
    st.fixed_dictionaries({"type": st.just("seen"), "seq": numbers}),
    st.fixed_dictionaries({"type": st.sampled_from(["typing", "hello", "welcome", "stored", "dance"])}),
    st.dictionaries(st.sampled_from(["type", "id", "text"]), st.none() | st.integers() | st.text(max_size=3)),
)
AGAIN, PRESS = "the page is opened again", "a choice that was offered"
STEPS = st.lists(frames | st.just(AGAIN) | st.just(PRESS), max_size=14)


class Customer:
    """One page after another of a session, and what may have been stored by them: text by frame id."""

    def __init__(self, page: Any) -> None:
        self._open_page = page
        self.page: Page
        self.frames: list[dict[str, Any]] = []
        self.first: dict[str, str] = {}

    async def open(self, session: str | None = None) -> None:
        """A page of this session; a frame before its hello is refused."""
        self.page = await self._open_page(session=session)

    async def does(self, step: Any) -> None:
        if step == AGAIN:
            session = self.page.session
            await self.leave()
            await self.open(session)
        elif step == PRESS:
            offered = [c for frame in self.page.heard("message") for c in frame["choices"]]
            if offered:
                await self.sends(
                    {"type": "choice", "id": "p", "value": offered[0]["value"]}, offered[0]["label"]
                )
        else:
            await self.sends(step, step.get("text") if step.get("type") == "message" else None)

    async def sends(self, frame: dict[str, Any], said: Any) -> None:
        known = len(self.page.heard("stored"))
        await self.page.send(**frame)
        await self.page.settle()
        if len(self.page.heard("stored")) > known:
            assert self.page.heard("stored")[-1]["id"] == frame["id"]
            self.first.setdefault(frame["id"], said)

    async def leave(self) -> None:
        numbers = [frame["seq"] for frame in self.page.heard("message")]
        assert numbers == sorted(set(numbers)), "within one socket each is given once, in order"
        refused = {frame["code"] for frame in self.page.heard("error")}
        assert refused <= REFUSALS, refused
        await self.page.close()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
async def test_whatever_a_page_sends_each_message_is_answered_once(page: Any, bot: Bot, steps: Any) -> None:
    customer = Customer(page)
    await customer.open()
    for step in steps:
        await customer.does(step)
    last = f"end {next(RUNS)}"
    await customer.page.say(last, "last")
    await customer.page.hear("done", id="last")
    await customer.leave()
    identity = (await Message.get(text=last).select_related("conversation")).conversation.identity_id
    assert await Identity.filter(id=identity).count() == 1
    said = Message.filter(conversation__identity_id=identity)
    heard = [row.text for row in await said.filter(direction="in").order_by("seq")]
    assert heard == [*customer.first.values(), last]
    silent = sum(text == "조용히" for text in heard)
    assert await said.filter(direction="out").count() == len(heard) - silent
