"""What sockets are told, and in which order."""

from bots.web.hub import Hub
from crm import db as database
from crm import inbox
from crm.customer_view import View
from tests.bots.web.chat_page import now


class Told:
    """A socket that only remembers."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def changed(self, view: View) -> None:
        """Nobody speaks here."""

    def finished(self, frame: str) -> None:
        self.done.append(frame)

    def typing(self) -> None:
        """Nobody types here."""


async def written(id: str) -> int:
    stored = await inbox.store(
        inbox.Inbound(channel="web", external_user="s1", external_id=id, text="네", received_at=now()),
        now=now(),
    )
    return stored.inbox_id


async def answer_all() -> None:
    for claim in await inbox.claim("bot", now()):
        async with database.transaction():
            await inbox.finish(claim, claim.turns, now())


async def test_what_was_said_first_is_done_first_however_late_the_hub_looks(db: str) -> None:
    hub, page = Hub(), Told()
    await hub.expect(await written("m1"), page, "m1")
    second = await written("m2")
    await answer_all()
    await hub.expect(second, page, "m2")  # finished already, before the hub looked again
    assert page.done == ["m1", "m2"]


async def test_one_page_is_not_told_of_what_another_waits_for(db: str) -> None:
    hub, page, other = Hub(), Told(), Told()
    first, second = await written("m1"), await written("m2")
    await hub.expect(first, other, "m1")
    await answer_all()
    await hub.expect(second, page, "m2")
    assert (page.done, other.done) == (["m2"], [])
    await hub.look()
    assert other.done == ["m1"]
