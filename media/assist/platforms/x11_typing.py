"""Types what is on no key of the keyboard (Hangul, signs) on X11.

X11 knows keys, not characters: a character without a key gets a spare one. pynput changes the meaning of one
spare key for each character; an application that reads its events later than that types the wrong syllable.
So here every character of a text gets a spare key of its own, applications are given time to learn them, and
only then they are pressed.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from Xlib import X, display
from Xlib.ext import xtest

LEARN_SECONDS: Final = 0.06  # from MappingNotify until an application has read the new keyboard
PAUSE_SECONDS: Final = 0.002
UNICODE: Final = 0x0100_0000  # keysym of a character: its code point above this (X11 protocol, appendix A)
SPARE_MAX: Final = 64


class Typist:
    """A connection of its own to the display; not to be shared between threads."""

    def __init__(self) -> None:
        self._display: Any = display.Display()
        self._spare = self._unused()
        self._keys: OrderedDict[str, int] = OrderedDict()  # least recently used first

    def types(self, character: str) -> bool:
        """Whether it is for us: no key of a usual keyboard has it."""
        return ord(character) > 0xFF and bool(self._spare)

    def write(self, text: str, check: Callable[[], None]) -> None:
        """Type it. `check` is called before each character and raises to stop."""
        at = 0
        while at < len(text):
            part = self._part(text[at:])
            self._learn(part)
            for character in part:
                check()
                self._press(self._keys[character])
            at += len(part)

    def close(self) -> None:
        """Give the spare keys back as they were."""
        for code in self._keys.values():
            self._change(code, 0)
        self._display.sync()
        self._display.close()

    def _unused(self) -> list[int]:
        """Key codes that mean nothing on this keyboard."""
        first, last = self._display.display.info.min_keycode, self._display.display.info.max_keycode
        rows = self._display.get_keyboard_mapping(first, last - first + 1)
        unused = [code for code, row in enumerate(rows, first) if not any(row)]
        return unused[-SPARE_MAX:]

    def _part(self, text: str) -> str:
        """As much of the text as there are spare keys for."""
        different: set[str] = set()
        for number, character in enumerate(text):
            different.add(character)
            if len(different) > len(self._spare):
                return text[:number]
        return text

    def _learn(self, part: str) -> None:
        wanted = dict.fromkeys(part)
        new = [character for character in wanted if character not in self._keys]
        for character in wanted:
            if character in self._keys:
                self._keys.move_to_end(character)
        for character in new:
            taken = set(self._keys.values())
            code = next((code for code in self._spare if code not in taken), None)
            if code is None:
                _, code = self._keys.popitem(last=False)
            self._keys[character] = code
            self._change(code, UNICODE + ord(character))
        if new:
            self._display.sync()
            time.sleep(LEARN_SECONDS)

    def _change(self, code: int, keysym: int) -> None:
        self._display.change_keyboard_mapping(code, [(keysym, keysym)])

    def _press(self, code: int) -> None:
        for act in (X.KeyPress, X.KeyRelease):
            xtest.fake_input(self._display, act, code)
        self._display.sync()
        time.sleep(PAUSE_SECONDS)
