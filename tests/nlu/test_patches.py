"""Rasa as we run it: the same dialogue, faster, silent, and on no network."""

import asyncio
import dataclasses
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu import rasa_patches
from nlu.engine import Engine
from nlu.rasa_patches import PATCHES, Patch, RasaChanged
from tests.nlu.assistant import actions
from tests.nlu.assistant.build import engine, model
from tests.nlu.assistant.talk import Talk
from tests.nlu.test_snapshot import MOVES, Move, history

pytestmark = pytest.mark.rasa


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"{patch.owner.__name__}.{patch.name}")
def test_rasa_still_has_what_a_patch_was_written_for(patch: Patch) -> None:
    assert patch.current_source() == patch.source
    assert patch.reason
    assert patch.gain_ms > 0


def test_another_rasa_is_refused() -> None:
    with pytest.raises(RasaChanged, match=PATCHES[-1].name):
        rasa_patches.apply([dataclasses.replace(PATCHES[-1], source="0" * 64)])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(MOVES), min_size=5, max_size=15))
def test_patched_and_unpatched_rasa_hold_the_same_conversation(moves: list[Move]) -> None:
    patched = asyncio.run(history(engine(), moves, short=True))
    with rasa_patches.without():
        unpatched = asyncio.run(history(engine(), moves, short=True))
    assert patched == unpatched


_TOUCHED: list[str] = []
_WATCHING = False
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request")


def _audit(event: str, arguments: Any) -> None:
    if _WATCHING and event in _NETWORK:
        _TOUCHED.append(f"{event} {arguments}")


sys.addaudithook(_audit)


@contextmanager
def watched() -> Iterator[list[str]]:
    global _WATCHING
    _TOUCHED.clear()
    _WATCHING = True
    try:
        yield _TOUCHED
    finally:
        _WATCHING = False


async def test_loading_and_talking_open_no_connection() -> None:
    from rasa import telemetry

    assert not telemetry.is_telemetry_enabled()
    with watched() as touched:
        talk = Talk(await Engine.load(model(), actions.executor()))
        for text in ("세탁기 고장", "물이 새요", "네"):
            await talk.say(text)
    assert touched == []


async def test_nothing_a_customer_writes_is_printed_or_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    caplog.set_level(logging.DEBUG)
    try:
        talk = Talk(await Engine.load(model(), actions.executor()))
        for text in ("세탁기 고장", "홍길동 010-1234-5678", "/홍길동", "네", "거절"):
            await talk.say(text)
        with pytest.raises(actions.Boom):
            await talk.say("폭발")
    finally:
        structlog.reset_defaults()
    printed = "".join(capfd.readouterr()) + caplog.text
    assert "홍길동" not in printed
    assert "고장" not in printed
