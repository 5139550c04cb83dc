"""The agent's mind without a screen: whatever comes over the wire, only what the customer allowed is done."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.assist import acts, scenes
from media.assist.agent import Agent
from media.assist.chain import Entry, first_fault
from media.assist.consent import What
from media.assist.hands import Stopped
from media.assist.marks import Stroke
from media.assist.panel import Drawing
from tests.media.assist.test_consent import NOW, granted

WHO = scenes.Who("이서준", "새봄가전", "ko")
FILE = {"t": "ask", "what": "file", "size": 3}


class Hands:
    """Writes down what it would do."""

    def __init__(self) -> None:
        self.done: list[acts.Act] = []
        self.holds = False

    async def apply(self, act: acts.Act) -> None:
        self.done.append(act)
        self.holds |= isinstance(act, acts.Press | acts.Key) and act.down

    def let_go(self) -> None:
        self.holds = False


class Picture:
    def hurry(self) -> None: ...

    def again(self) -> None: ...


class Window:
    """A panel that nobody sees."""

    scale, shortcut = 1.0, ""

    def __init__(self) -> None:
        self.copied = "고객의 글"
        self.strokes: list[Stroke] = []

    def show(self, drawing: Drawing) -> None: ...

    def covers(self, x: int, y: int) -> bool:
        return False

    def mark(self, strokes: Sequence[Stroke]) -> None:
        self.strokes = list(strokes)

    def set_clipboard(self, text: str) -> None:
        self.copied = text

    def get_clipboard(self, timeout: float = 1.0) -> str:
        return self.copied

    def close(self) -> None: ...


class Help:
    """An agent whose wires are in our hand."""

    def __init__(self) -> None:
        self.hands, self.window, self.now = Hands(), Window(), NOW
        self.said: list[dict[str, Any]] = []
        self.signals: list[dict[str, Any]] = []
        self.log: list[Entry] = []
        self.fetched: list[str] = []
        self.agent = Agent(
            WHO, self.window, signal_out=lambda frame: self.signals.append(dict(frame)),
            data_out=lambda frame: self.said.append(dict(frame)),
            log=self.log.append, now=self._now, fetch=self._fetch,
        )  # fmt: skip
        self.agent.bind(asyncio.get_running_loop())
        self.agent.equip(self.hands, Picture(), (1280, 720))
        self.agent.signal({"type": "welcome", "you": {"id": "a1"}})

    def _now(self) -> datetime:
        return self.now

    async def _fetch(self, url: str, size: int) -> bytes:
        self.fetched.append(url)
        raise OSError("no network here")

    async def allow(self, *scopes: str) -> None:
        for scope in scopes:
            self.agent.signal(
                {"type": "control", "by": "s1", "whom": "a1", "state": "requested", "scope": scope}
            )
            await self.press("allow")

    async def press(self, name: str) -> None:
        self.agent.pressed(name)
        await asyncio.sleep(0)

    async def tell(self, **frame: Any) -> dict[str, Any]:
        """What the agent answers to a frame."""
        await self.agent.data(json.dumps(frame))
        return self.said[-1] if self.said else {}


@pytest.mark.parametrize("allowed", [[], ["view"]])
async def test_nothing_is_done_before_control_was_allowed(allowed: list[str]) -> None:
    help_ = Help()
    await help_.allow(*allowed)
    for frame in ({"t": "down", "x": 0.5, "y": 0.5}, {"t": "text", "s": "a"}, {"t": "getclip"}, FILE):
        answer = await help_.tell(n=1, **frame)
        assert (answer["t"], answer["why"]) == ("refused", "not_allowed")
    assert not help_.hands.done


@pytest.mark.parametrize("ending", ["stop", "stop_control", "revoked", "left", "lost"])
async def test_nothing_is_done_after_control_ended(ending: str) -> None:
    help_ = Help()
    await help_.allow("view", "control")
    await help_.tell(t="key", k="Shift", down=True)
    match ending:
        case "revoked":
            help_.agent.signal({"type": "control", "whom": "a1", "state": "revoked", "scope": "control"})
        case "left":
            help_.agent.signal({"type": "left", "participant": "s1"})
        case "lost":
            help_.agent.lost()
        case _:
            await help_.press(ending)
    assert not help_.hands.holds
    done = len(help_.hands.done)
    for frame in ({"t": "text", "s": "a"}, {"t": "move", "x": 0, "y": 0}, {"t": "clip", "s": "a"}):
        assert (await help_.tell(n=1, **frame))["why"] == "not_allowed"
    assert len(help_.hands.done) == done


async def test_the_room_hears_that_control_ended_while_the_line_was_broken() -> None:
    help_ = Help()
    await help_.allow("view", "control")
    help_.agent.lost()
    grant = {"by": "s1", "whom": "a1", "state": "granted"}
    believed = [{**grant, "scope": "view"}, {**grant, "scope": "control"}]
    help_.signals.clear()
    help_.agent.signal({"type": "welcome", "you": {"id": "a1"}, "control": believed})
    assert [(one["state"], one["scope"]) for one in help_.signals] == [("revoke", "control")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 60_000, id="nested"),
        pytest.param('{"t":"down","x":' + "9" * 5000 + "}", id="number"),
        pytest.param('{"t":"clip","s":"' + "a" * 60_000 + '"}', id="large"),
        "", "null", "[]", '{"t":', '{"t":"text","s":"\\ud800"}', '{"t":"ask","what":"root"}',
        '{"t":"key","k":"Sleep","down":true}', '{"t":"down","x":-0.1,"y":0}', '{"t":"move","x":0,"y":1e400}',
        '{"t":"wheel","x":0,"y":0,"dy":51}',
        '{"t":"ask","what":"file","name":"a","size":true,"url":"/f/1"}',
    ],
)  # fmt: skip
async def test_a_frame_that_is_no_input_is_refused_and_the_next_one_works(text: str) -> None:
    help_ = Help()
    await help_.allow("view", "control")
    await help_.agent.data(text)
    assert help_.said[-1]["t"] == "refused"
    assert not help_.hands.done
    assert (await help_.tell(t="text", n=2, s="a")) == {"t": "applied", "n": 2}


FIELDS = ["x", "y", "b", "k", "down", "s", "dx", "dy", "what", "name", "size", "url", "n"]
KINDS = ["move", "down", "up", "wheel", "key", "text", "clip", "getclip", "ask", "still", "stop", ""]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.sampled_from(["Enter", "Control", "file", "clipboard", "left", "/f/1", 0.5, 1]),
)  # fmt: skip


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(FIELDS), VALUES, max_size=6,
        ).flatmap(lambda d: st.sampled_from(KINDS).map(lambda kind: {**d, "t": kind})),
        max_size=6,
    )
)  # fmt: skip
def test_no_run_of_frames_does_anything_without_control_or_breaks_the_log(
    frames: list[dict[str, Any]],
) -> None:
    async def run() -> None:
        help_ = Help()
        for frame in frames:
            await help_.agent.data(json.dumps(frame))
        assert not help_.hands.done
        assert help_.window.copied == "고객의 글"
        assert not [one for one in help_.said if one["t"] == "clip"]
        await help_.allow("view", "control")
        for frame in frames:
            await help_.agent.data(json.dumps(frame))
        assert help_.window.copied == "고객의 글"
        assert first_fault(help_.log) is None

    asyncio.run(run())


async def test_after_a_stop_and_a_new_yes_the_panel_does_not_say_that_nothing_is_shown() -> None:
    help_ = Help()
    await help_.allow("view")
    await help_.press("stop")
    assert "멈췄어요" in help_.agent.scene().detail
    await help_.allow("view")
    assert help_.agent.scene() == scenes.state(WHO, granted(What.VIEW))


async def test_the_file_that_was_asked_about_is_the_one_that_comes() -> None:
    help_ = Help()
    await help_.allow("view", "control")
    await help_.tell(**FILE, name="설명서.pdf", url="/f/good")
    answer = await help_.tell(**FILE, name="other.pdf", url="/f/other")
    assert (answer["granted"], answer["why"]) == (False, "busy")
    await help_.press("allow")
    await asyncio.sleep(0.01)
    assert help_.fetched == ["/f/good"]


async def test_the_clipboard_ends_with_control() -> None:
    help_ = Help()
    await help_.allow("view", "control")
    await help_.tell(t="ask", what="clipboard")
    await help_.press("allow")
    assert (await help_.tell(t="clip", n=1, s="링크"))["t"] == "copied"
    await help_.press("stop_control")
    await help_.allow("control")
    assert (await help_.tell(t="getclip", n=2))["why"] == "not_allowed"


async def test_of_a_long_clipboard_the_beginning_goes_and_the_whole_length() -> None:
    help_ = Help()
    await help_.allow("view", "control")
    await help_.tell(t="ask", what="clipboard")
    await help_.press("allow")
    help_.window.copied = "가" * 20_000
    await help_.tell(t="getclip", n=1)
    told = help_.said[-1]
    assert (len(told["s"]), told["length"]) == (acts.CLIPBOARD_MAX, 20_000)
    assert len(json.dumps(told, ensure_ascii=False).encode()) < 65_536


async def test_what_is_typed_and_copied_is_in_no_log() -> None:
    help_ = Help()
    await help_.allow("view", "control")
    await help_.tell(t="text", n=1, s="비밀번호486")
    await help_.tell(t="key", n=2, k="x", down=True)
    help_.agent.tick()
    assert [line.act for line in help_.log] == ["asked", "granted", "asked", "granted", "text", "key"]
    assert "비밀" not in repr(help_.log)
    assert help_.log[-1].data == {"key": "character", "down": True}


async def test_marks_are_drawn_only_while_the_screen_is_seen_and_fade() -> None:
    help_ = Help()
    mark = {"type": "mark", "of": "a1", "track": "screen"}
    point = {**mark, "act": "point", "id": "point-1", "points": [[0.5, 0.5]]}
    help_.agent.signal(point)
    assert not help_.window.strokes
    await help_.allow("view")
    help_.agent.signal(point)
    assert {(640, 360)} < {(x - 14, y) for stroke in help_.window.strokes for x, y in stroke}
    help_.now += timedelta(seconds=2)
    help_.agent.signal({**point, "act": "draw", "id": "arrow-1", "points": [[0, 0], [0.5, 0.5]]})
    assert help_.window.strokes[0] == [(0, 0), (640, 360)]
    await help_.press("stop")
    assert not help_.window.strokes


async def test_held_input_stays_while_the_page_says_so() -> None:
    help_ = Help()
    await help_.allow("view", "control")
    await help_.tell(t="key", k="Shift", down=True)
    for _ in range(5):
        help_.now += timedelta(seconds=2)
        await help_.agent.data('{"t":"still"}')
        help_.agent.tick()
    assert help_.hands.holds
    help_.now += timedelta(seconds=7)
    help_.agent.tick()
    assert not help_.hands.holds


async def test_a_hand_that_was_stopped_in_the_middle_says_so() -> None:
    class Slow(Hands):
        async def apply(self, act: acts.Act) -> None:
            raise Stopped

    help_ = Help()
    help_.agent.equip(Slow(), Picture(), (1280, 720))
    await help_.allow("view", "control")
    assert await help_.tell(t="text", n=4, s="a") == {"t": "refused", "n": 4, "why": "not_allowed"}
