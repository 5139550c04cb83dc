"""The agent's mind: what staff ask becomes a question on the panel, what the customer answers becomes a
right.

It knows no socket: frames come in by `signal` and `data`, and go out by the two functions it is given.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from media.assist import downloads, scenes
from media.assist.chain import Chain, Entry
from media.assist.consent import Consent, Question, Refusal, What
from media.assist.inputs import Hand, Inputs
from media.assist.marks import POINT_FOR, Marks
from media.assist.panel import Scene, draw
from media.assist.platforms import Window
from media.assist.sharing import Sharing
from media.assist.words import say

Frame = Mapping[str, Any]


class Picture(Protocol):
    """What is sent of the screen."""

    def hurry(self) -> None: ...

    def again(self) -> None: ...


class Agent:
    """One help session on the customer's PC. `signal_out` sends a frame of the socket, `data_out` one of the
    data channel `control`, `log` takes an entry of the chain; none of them waits."""

    def __init__(
        self,
        who: scenes.Who,
        window: Window,
        *,
        signal_out: Callable[[Frame], None],
        data_out: Callable[[Frame], None],
        log: Callable[[Entry], None],
        now: Callable[[], datetime],
        fetch: Callable[[str, int], Awaitable[bytes]],
    ) -> None:
        self._who, self._window = who, window
        self._signal_out, self._data_out, self._log = signal_out, data_out, log
        self._now = now
        self._consent, self._chain, self._marks = Consent(), Chain(), Marks()
        self._sharing = Sharing(self._consent, window, tell=data_out, note=self._note, fetch=fetch)
        self._inputs = Inputs(
            self._consent, self._sharing, tell=data_out, note=self._note, ask=self._ask, done=self._acted,
            now=now,
        )  # fmt: skip
        self._picture: Picture | None = None
        self._size = (0, 0)
        self._me = self._asker = ""
        self._wanted: deque[What] = deque(maxlen=4)
        self._tasks: set[asyncio.Future[None]] = set()
        self._told = ""
        self._shown: Scene | None = None
        self._lost = False
        self.stopped = asyncio.Event()  # the customer closed the panel

    def equip(self, hands: Hand, picture: Picture, size: tuple[int, int]) -> None:
        """Give it hands and eyes."""
        self._inputs.equip(hands)
        self._picture, self._size = picture, size

    # --- rights, asked for from other threads too: a plain look at a set

    def may_see(self) -> bool:
        return self._consent.allows(What.VIEW)

    def may_control(self) -> bool:
        return self._consent.allows(What.CONTROL)

    # --- the customer

    def pressed(self, name: str) -> None:
        """A button of the panel. May be called from another thread: a stop takes effect before it returns."""
        if name in ("stop", "close"):
            stopped = self._consent.stop()
            self._inputs.let_go()
            self._later(self._after_stop, stopped, name == "close")
        elif name == "stop_control":
            self._consent.revoke(What.CONTROL)
            self._consent.revoke(What.CLIPBOARD)
            self._inputs.let_go()
            self._later(self._after_revoke, What.CONTROL)
        elif name in ("allow", "refuse"):
            self._later(self._answered, name == "allow")

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop on which everything but a stop happens."""
        self._loop = loop

    def _later(self, what: Callable[..., None], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(what, *arguments)

    def _after_stop(self, stopped: bool, close: bool) -> None:
        self._wanted.clear()
        self._clear_marks()
        if stopped:
            self._note("stopped", {})
            for scope in (What.CONTROL, What.VIEW):
                self._revoke(scope)
            self._data_out({"t": "stopped"})
            self._tell_state()
        self._told = say(self._who.lang, "stopped") if stopped else ""
        self.show()
        if close:
            self.stopped.set()

    def _after_revoke(self, what: What) -> None:
        self._note("revoked", {"what": str(what)})
        self._revoke(what)
        self._tell_state()
        self.show()

    def _answered(self, granted: bool) -> None:
        pending = self._consent.pending
        question = self._consent.answer(pending.number, granted, self._now()) if pending else None
        if question is not None:
            self._told = ""  # what was said before ("nothing is shown") is true no more
            self._note("granted" if granted else "refused", {"what": str(question.what)})
            self._reply(question, granted)
            self._ask_next()
        self.show()

    def _ask_next(self) -> None:
        """The next thing that staff asked for while the customer was thinking."""
        while self._wanted and self._consent.pending is None:
            self._ask(self._wanted.popleft())

    def _reply(self, question: Question, granted: bool) -> None:
        self._say_answer(question.what, granted)
        if granted and question.what is What.VIEW and self._picture:
            self._picture.again()
        if granted and question.what is What.FILE:
            self._spawn(self._receive(dict(self._sharing.offered)))
        self._tell_state()

    # --- staff, by the socket

    def signal(self, frame: Frame) -> None:
        """A frame of the socket that concerns us."""
        match frame.get("type"):
            case "welcome":
                self._me = str(frame.get("you", {}).get("id", ""))
                self._lost = False
                self._reconcile(frame.get("control", ()))
            case "control" if frame.get("whom") == self._me:
                self._control(frame)
            case "answered":
                self._lost = False
            case "mark" if frame.get("of") == self._me and frame.get("track") == "screen":
                self._mark(frame)
                return
            case "joined" if self._picture:
                self._picture.again()
            case "away" if frame.get("participant") == self._asker and not frame.get("here"):
                self._inputs.let_go()  # their page broke; it may come back, its keys may not stay down
            case "left" if frame.get("participant") == self._asker:
                self._end_control()
        self.show()

    def _mark(self, frame: Frame) -> None:
        """Staff point or draw on this screen."""
        if self.may_see() and self._marks.take(frame, self._now()):
            self._draw_marks()
            if frame.get("act") == "point":
                self._loop.call_later(POINT_FOR.total_seconds() + 0.05, self._draw_marks)

    def _draw_marks(self) -> None:
        self._window.mark(self._marks.strokes(*self._size, self._now()))

    def _clear_marks(self) -> None:
        if self._marks.clear():
            self._draw_marks()

    def lost(self) -> None:
        """The connection broke: nobody holds the mouse any more."""
        self._lost = True
        if self.may_control():
            self._revoke(What.CONTROL)  # heard when only the media broke, not the socket
        self._end_control()
        self.show()

    def _reconcile(self, said: Sequence[Frame]) -> None:
        """The room may still believe what ended here while the socket was broken."""
        for one in said:
            mine = one.get("whom") == self._me and one.get("state") == "granted"
            if mine and not self._consent.allows(What(str(one.get("scope")))):
                self._revoke(What(str(one.get("scope"))))

    def _revoke(self, what: What) -> None:
        self._signal_out({"type": "control", "state": "revoke", "whom": self._me, "scope": str(what)})

    def _control(self, frame: Frame) -> None:
        match frame.get("state"):
            case "requested":
                self._asker = str(frame.get("by", ""))
                self._wanted.append(What.CONTROL if frame.get("scope") == "control" else What.VIEW)
                self._ask_next()
            case "revoked":
                self._end_control()

    def _end_control(self) -> None:
        """Staff gave it back or went: what they held is let go. Viewing stays until the customer ends it."""
        if self._consent.revoke(What.CONTROL):
            self._note("revoked", {"what": "control", "by": "staff"})
        self._consent.revoke(What.CLIPBOARD)
        self._inputs.let_go()
        self._tell_state()

    def _ask(self, what: What, detail: str = "", offer: Frame | None = None) -> None:
        """Put it to the customer; what is allowed already or may not be asked is answered at once."""
        try:
            question = self._consent.ask(what, self._now(), detail)
        except Refusal as why:
            self._say_answer(what, False, str(why))
            return
        if question is None:
            self._say_answer(what, True)
            return
        self._sharing.offered = offer or {}
        self._note("asked", {"what": str(what), "by": self._asker, **({"name": detail} if detail else {})})
        self.show()

    def _say_answer(self, what: What, granted: bool, why: str = "") -> None:
        if what in (What.VIEW, What.CONTROL):
            state = "grant" if granted else "refuse"
            self._signal_out({"type": "control", "state": state, "whom": self._me, "scope": str(what)})
        else:
            self._data_out({"t": "answer", "what": str(what), "granted": granted, "why": why})

    def tick(self) -> None:
        """Once a second: a question that nobody answers is refused, what is held by nobody is let go, and
        moves are written down."""
        expired = self._consent.expire(self._now())
        if expired is not None:
            self._note("expired", {"what": str(expired.what)})
            self._reply(expired, False)
            self._ask_next()
            self.show()
        self._inputs.tick()

    # --- staff, by the data channel

    async def data(self, text: str) -> None:
        """A frame of the channel `control` or `moves`, in order."""
        await self._inputs.take(text)

    def _acted(self) -> None:
        if self._picture:
            self._picture.hurry()

    async def _receive(self, offer: Frame) -> None:
        name = await self._sharing.receive(offer)
        self._told = say(self._who.lang, "received" if name else "not_received", name=name or offer["name"])
        self.show()

    # --- telling

    def scene(self) -> Scene:
        """What the panel shows now."""
        question = self._consent.pending
        if question is None:
            shortcut = self._window.shortcut
            return scenes.state(self._who, self._consent, lost=self._lost, told=self._told, shortcut=shortcut)
        size = int(self._sharing.offered.get("size", 0))
        return scenes.question(
            self._who,
            question.what,
            name=question.detail,
            size=downloads.size_in_words(size),
            alert=self._consent.shares,
        )

    def show(self) -> None:
        scene = self.scene()
        if scene != self._shown:
            self._shown = scene
            self._window.show(draw(scene, self._window.scale))

    def _tell_state(self) -> None:
        width, height = self._size
        rights = {what: self._consent.allows(what) for what in (What.VIEW, What.CONTROL, What.CLIPBOARD)}
        self._data_out({"t": "state", **{str(k): v for k, v in rights.items()}, "w": width, "h": height})

    def _note(self, act: str, data: Mapping[str, Any]) -> None:
        self._log(self._chain.append(act, data, self._now()))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
