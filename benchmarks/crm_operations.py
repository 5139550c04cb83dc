"""What `benchmarks.crm` does with a company: the hot reads and writes of its front ends."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from benchmarks.crm_data import LONG_THREAD, LONG_THREADS, NOW, names, phone_of
from crm import contacts, inbox_views, requests, search, threads
from crm.actor import Actor

MANAGER = Actor("staff", 1, "manager", "직원1")


@dataclass(frozen=True)
class Operation:
    """One thing that front ends do; `make` draws its arguments, as a call to be awaited."""

    name: str
    make: Callable[[random.Random], Callable[[], Awaitable[Any]]]
    writes: bool = False


def operations(size: int) -> list[Operation]:  # noqa: C901  (a list, of closures)
    """The hot reads and writes of a company of `size` contacts."""
    called = names(random.Random(410), size)
    threads_ = size // 4

    def contact(rng: random.Random) -> int:
        return 4 * rng.randrange(threads_) + 1

    def typed(rng: random.Random) -> str:
        """A name as far as it has been typed: one, two or three syllables, or half of the third."""
        name = rng.choice(called)
        return rng.choice([name[:1], name[:2], name, search.jamo(name)[:-1]])

    def search_for(rng: random.Random, query: str) -> Callable[[], Awaitable[Any]]:
        return lambda: contacts.list_contacts(MANAGER, query=query, limit=20)

    def page(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        view = rng.choice(["all", "all", "mine", "unassigned", "closed"])
        return lambda: inbox_views.inbox_list(MANAGER, view=view)

    def thread(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        which, before = rng.randrange(LONG_THREADS) + 1, rng.choice([None, LONG_THREAD // 2])
        return lambda: inbox_views.messages(MANAGER, which, before_seq=before)

    def append(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        which = rng.randrange(threads_) + 1
        return lambda: threads.append(
            which, direction="in", author="contact", text="세탁기 물이 새요", now=NOW
        )

    def opened(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        who = contact(rng)
        return lambda: requests.open(
            Actor("contact", who), who, conversation_id=who // 4 + 1, product_id=rng.randrange(40) + 1,
            symptom="물이 새요", address="서울 마포구 월드컵로 12", phone=phone_of(who),
            visit_from=NOW + timedelta(days=2), now=NOW,
        )  # fmt: skip

    def comment(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        which = rng.randrange(threads_) + 1
        return lambda: requests.comment(MANAGER, which, "부품을 주문했어요", now=NOW)

    def words(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        text = rng.choice(
            ["세탁기", "물이 새요", "냉장고 소리", "leaking", "방문 예약", "수리비 얼마", "E21"]
        )
        return lambda: search.find_messages(text)

    def found(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        text = typed(rng)
        return lambda: inbox_views.inbox_list(MANAGER, view="all", query=text)

    def reads(
        call: Callable[[int], Awaitable[Any]],
    ) -> Callable[[random.Random], Callable[[], Awaitable[Any]]]:
        def make(rng: random.Random) -> Callable[[], Awaitable[Any]]:
            who = contact(rng)
            return lambda: call(who)

        return make

    return [
        Operation("customer card", reads(lambda who: contacts.card(MANAGER, who))),
        Operation("inbox page", page),
        Operation("messages page", thread),
        Operation("request board", lambda rng: lambda: requests.board(MANAGER, now=NOW)),
        Operation("name search", lambda rng: search_for(rng, typed(rng))),
        Operation(
            "phone search",
            lambda rng: search_for(rng, phone_of(rng.randrange(size) + 1)[-rng.choice([4, 8]) :]),
        ),
        Operation("message search", words),
        Operation("inbox search", found),
        Operation("requests of contact", reads(lambda who: requests.of_contact(who))),
        Operation("threads of contact", reads(lambda who: inbox_views.of_contact(MANAGER, who))),
        Operation("append message", append, writes=True),
        Operation("open request", opened, writes=True),
        Operation("comment", comment, writes=True),
    ]
