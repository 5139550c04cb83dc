"""What `dangol serve` says when it is there: addresses that answer, not addresses that will."""

import asyncio
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress

POLL_SECONDS = 0.5
LATE_SECONDS = 90.0  # a slow machine loads the model in half of this: something is wrong
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # our own address, past any proxy


class Greeting:
    """The addresses, said when they answer: once `/readyz` at `address` is green.

    When that takes long they are said all the same, with what is still missing; and then that it is there.
    """

    def __init__(
        self, address: str, lines: Sequence[str], say: Callable[[str], None], *, late: float = LATE_SECONDS
    ) -> None:
        self._address, self._lines = address, lines
        self._say, self._late = say, late

    async def given(self) -> None:
        """Until all that customers need has answered."""
        self._say("Starting (about 15 seconds; longer on a busy machine)")
        loop = asyncio.get_running_loop()
        over, told = loop.time() + self._late, False
        while missing := await asyncio.to_thread(_missing, self._address):
            if not told and loop.time() > over:
                self._say(f"Not ready yet: {missing}. Still trying; `dangol doctor` says more.")
                self._say_all()
                told = True
            await asyncio.sleep(POLL_SECONDS)
        if told:
            self._say("Ready.")
        else:
            self._say_all()

    def _say_all(self) -> None:
        for line in self._lines:
            self._say(line)


def _missing(address: str) -> str:
    """What keeps `/readyz` at this address from being green, in words; empty when it is."""
    try:
        with _DIRECT.open(address, timeout=5) as answer:
            return "" if answer.status == 200 else f"{address} answers {answer.status}"
    except urllib.error.HTTPError as fault:
        with fault, suppress(ValueError, KeyError, TypeError):
            return "; ".join(json.load(fault)["faults"])
        return f"{address} answers {fault.code}"
    except (OSError, http.client.HTTPException):
        return "the pages do not answer"
