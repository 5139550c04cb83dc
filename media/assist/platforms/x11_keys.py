"""The keyboard on X11, by XTEST: named keys, chords, and text in any script.

X11 knows keys, not characters: one without a key of its own (a Hangul syllable) is lent a spare key. What a
spare key means is certain before it is pressed: the server has announced it to every client, us too, ahead of
the key's events, and it is read back. A spare key means something else only after the window that was typed
into has proved, by answering a ping, that it has read all that was typed; a window that answers no pings
gets `QUIET_SECONDS`.

pynput sends characters by XSendEvent, which terminals ignore, and lends one key after another; so it is not
used for the keyboard here.
"""

import contextlib
import select
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from Xlib import X, display, error
from Xlib.ext import xtest
from Xlib.protocol import event

from media.assist.acts import BadAct

PAUSE_SECONDS: Final = 0.002  # after each character: nobody types faster, and a stop gets its turn
ANNOUNCED_SECONDS: Final = 2.0  # the server's own word; more means that it is gone
QUIET_SECONDS: Final = 0.5
UNICODE: Final = 0x0100_0000  # keysym of a character: its code point above this (X11 protocol, appendix A)
LATIN_1: Final = 0xFF  # up to here a keysym is the code point itself
SPARE_MAX: Final = 64
SHIFT: Final = 0xFFE1
WHITE: Final = {"\n": 0xFF0D, "\t": 0xFF09}
GROUP_MASK: Final = 0x6000  # bits 13 and 14 of the state: the layout in use (XKB protocol, section 2.2.2)

# Names of `KeyboardEvent.key` to keysyms (keysymdef.h), the likeliest on the keyboard first.
NAMED: Final[Mapping[str, tuple[int, ...]]] = {
    "Enter": (0xFF0D,), "Tab": (0xFF09,), "Backspace": (0xFF08,), "Delete": (0xFFFF,), "Escape": (0xFF1B,),
    "Home": (0xFF50,), "End": (0xFF57,), "PageUp": (0xFF55,), "PageDown": (0xFF56,), "Insert": (0xFF63,),
    "ArrowLeft": (0xFF51,), "ArrowUp": (0xFF52,), "ArrowRight": (0xFF53,), "ArrowDown": (0xFF54,),
    "Clear": (0xFF0B,), "Pause": (0xFF13,), "ScrollLock": (0xFF14,), "PrintScreen": (0xFF61,),
    "ContextMenu": (0xFF67,), "Help": (0xFF6A,), "HangulMode": (0xFF31,), "HanjaMode": (0xFF34,),
    **{f"F{number}": (0xFFBD + number,) for number in range(1, 25)},
}  # fmt: skip
# These are modifiers only where the keyboard has them: a spare key would modify nothing.
MODIFIERS: Final[Mapping[str, tuple[int, ...]]] = {
    "Shift": (SHIFT, 0xFFE2), "Control": (0xFFE3, 0xFFE4), "Alt": (0xFFE9, 0xFFEA),
    "Meta": (0xFFEB, 0xFFEC), "AltGraph": (0xFE03, 0xFF7E), "CapsLock": (0xFFE5,), "NumLock": (0xFF7F,),
}  # fmt: skip

Check = Callable[[], None]


class Keyboard:
    """A connection of its own to the display; not to be shared between threads."""

    repeats = True  # a key that is held repeats by itself

    def __init__(self, spare: int = SPARE_MAX) -> None:
        self._display: Any = display.Display()
        info = self._display.display.info
        self._first, self._last = info.min_keycode, info.max_keycode
        self._rows: list[Any] = []
        self._places: dict[int, tuple[int, int]] = {}
        self._lent: OrderedDict[int, int] = OrderedDict()  # keysym -> spare key, longest unused first
        self._pressed: dict[int, float] = {}  # spare key -> when it was pressed last
        self._down: dict[str, int] = {}  # names of what is held, and the keys
        self._read()
        unused = [code for code, row in enumerate(self._rows, self._first) if not any(row)]
        self._spare = unused[-spare:]

    def press(self, name: str, down: bool) -> None:
        """One key down or up, by its name or its character. Raises `BadAct` for one that cannot be had."""
        self._listen()
        code = self._code(name) if down or name not in self._down else self._down.pop(name)
        if down:
            self._down[name] = code
        xtest.fake_input(self._display, X.KeyPress if down else X.KeyRelease, code)
        self._display.sync()

    def write(self, text: str, check: Check) -> None:
        """Type it. `check` is called before each character and while waiting, and raises to stop."""
        at = 0
        while at < len(text):
            self._listen()
            state = self._display.screen().root.query_pointer().mask
            part = self._part(text[at:], state)
            self._lend([sign for sign in map(_keysym, part) if self._place(sign, state) is None], check)
            for character in part:
                check()
                self._strike(_keysym(character), state)
            at += len(part)

    def close(self) -> None:
        """Give the spare keys back as they were, when everything that was typed has been read."""
        with contextlib.suppress(error.ConnectionClosedError, OSError):
            self._until_read(self._lent.values(), lambda: None)
            self._change(dict.fromkeys(self._lent.values(), 0))
            self._display.sync()
            self._display.close()

    # --- what is on the keyboard

    def _read(self) -> None:
        self._rows = list(self._display.get_keyboard_mapping(self._first, self._last - self._first + 1))
        self._places = {}
        lent = set(self._lent.values())
        for level in (1, 0):
            for code, row in reversed(list(enumerate(self._rows, self._first))):
                if code not in lent and len(row) > level and row[level]:
                    self._places[row[level]] = (code, level)

    def _listen(self) -> None:
        """Somebody may have changed the layout, and so taken spare keys from us."""
        changed = False
        while self._display.pending_events():
            changed |= self._display.next_event().type == X.MappingNotify
        if changed:
            self._read()
            for keysym, code in list(self._lent.items()):
                if self._rows[code - self._first][0] != keysym:
                    del self._lent[keysym]
                    self._spare = [spare for spare in self._spare if spare != code]

    def _place(self, keysym: int, state: int) -> tuple[int, int] | None:
        """Key and level of a sign that the keyboard has; None when it needs a spare key."""
        return None if state & GROUP_MASK else self._places.get(keysym)

    def _code(self, name: str) -> int:
        wanted = MODIFIERS.get(name) or NAMED.get(name) or (_keysym(name),)
        for keysym in wanted:
            if keysym in self._places:
                return self._places[keysym][0]
        if name in MODIFIERS or not self._spare:
            raise BadAct("k")
        self._lend([wanted[0]], lambda: None)
        return self._lent[wanted[0]]

    # --- spare keys

    def _part(self, text: str, state: int) -> str:
        """As much of the text as there are spare keys for."""
        different: set[int] = set()
        for number, character in enumerate(text):
            keysym = _keysym(character)
            if self._place(keysym, state) is None:
                different.add(keysym)
            if len(different) > len(self._spare):
                if not self._spare:
                    raise BadAct("s")
                return text[:number]
        return text

    def _lend(self, keysyms: Iterable[int], check: Check) -> None:
        """Give each of them a spare key, and be certain of it."""
        wanted = list(dict.fromkeys(keysyms))
        for keysym in wanted:
            if keysym in self._lent:
                self._lent.move_to_end(keysym)
        new = [keysym for keysym in wanted if keysym not in self._lent]
        free = [code for code in self._spare if code not in set(self._lent.values())]
        again = [self._lent.popitem(last=False)[1] for _ in new[len(free) :]]
        self._until_read(again, check)
        meanings = dict(zip([*free, *again], new, strict=False))
        self._change(meanings)
        self._lent.update({keysym: code for code, keysym in meanings.items()})
        self._until_announced(set(meanings), check)
        for code, keysym in meanings.items():
            if self._rows[code - self._first][0] != keysym:
                raise BadAct("keyboard")  # somebody else changes it at the same time

    def _change(self, meanings: Mapping[int, int]) -> None:
        """Neighbours in one request: applications read the keyboard anew after each."""
        for first, keysyms in _runs(meanings):
            self._display.change_keyboard_mapping(first, [(keysym, keysym) for keysym in keysyms])

    def _until_announced(self, codes: set[int], check: Check) -> None:
        """Until the server told its clients of these keys: whatever is pressed from now on comes after it."""
        for heard in self._events(ANNOUNCED_SECONDS, check) if codes else ():
            if heard.type == X.MappingNotify:
                codes = codes - set(range(heard.first_keycode, heard.first_keycode + heard.count))
            if not codes:
                break
        self._read()

    def _until_read(self, codes: Iterable[int], check: Check) -> None:
        """Until whoever was typed into has read what these keys were pressed for."""
        last = max((self._pressed.pop(code, 0.0) for code in list(codes)), default=0.0)
        if not last or self._answers_ping(check):
            return
        while time.monotonic() < last + QUIET_SECONDS:
            check()
            time.sleep(0.01)

    def _answers_ping(self, check: Check) -> bool:
        """Whether the focused window has read all its events so far (EWMH, `_NET_WM_PING`)."""
        window, protocols = self._pinged(), self._display.get_atom("WM_PROTOCOLS")
        if window is None:
            return False
        root, ping = self._display.screen().root, self._display.get_atom("_NET_WM_PING")
        stamp = int(time.monotonic() * 1000) & 0xFFFF_FFFF
        asked = (32, [ping, stamp, window.id, 0, 0])
        root.change_attributes(event_mask=X.SubstructureNotifyMask)
        try:
            window.send_event(event.ClientMessage(window=window, client_type=protocols, data=asked))
            for heard in self._events(QUIET_SECONDS, check):
                if heard.type == X.ClientMessage and list(heard.data[1][:2]) == [ping, stamp]:
                    return True
            return False
        finally:
            root.change_attributes(event_mask=0)

    def _pinged(self) -> Any:
        """The window above the focus that says it answers pings; None without one."""
        protocols, ping = (self._display.get_atom(name) for name in ("WM_PROTOCOLS", "_NET_WM_PING"))
        window, root = self._display.get_input_focus().focus, self._display.screen().root
        with contextlib.suppress(error.BadWindow):
            while not isinstance(window, int) and window != root:
                found = window.get_full_property(protocols, X.AnyPropertyType)
                if found is not None and ping in found.value:
                    return window
                window = window.query_tree().parent
        return None

    def _events(self, seconds: float, check: Check) -> Iterator[Any]:
        end = time.monotonic() + seconds
        self._display.flush()
        while (left := end - time.monotonic()) > 0:
            while self._display.pending_events():
                yield self._display.next_event()
            check()
            select.select([self._display], [], [], min(left, 0.02))

    # --- pressing

    def _strike(self, keysym: int, state: int) -> None:
        place = self._place(keysym, state)
        if place is None:
            code = self._lent[keysym]
            self._pressed[code] = time.monotonic()
            self._fake(code)
        else:
            with self._shifted(self._wants_shift(*place, state)):
                self._fake(place[0])
        self._display.sync()
        time.sleep(PAUSE_SECONDS)

    def _wants_shift(self, code: int, level: int, state: int) -> bool:
        """Caps Lock turns it round for letters."""
        row = self._rows[code - self._first]
        letter = len(row) > 1 and row[0] < UNICODE and row[1] == row[0] - 0x20 and row[0] > 0x60
        return (level == 1) != bool(letter and state & X.LockMask)

    @contextlib.contextmanager
    def _shifted(self, wanted: bool) -> Iterator[None]:
        """Shift as this character wants it, and afterwards again as it is held."""
        shift = self._places[SHIFT][0] if SHIFT in self._places else 0
        held = shift in self._down.values()
        if not shift or held == wanted:
            yield
            return
        xtest.fake_input(self._display, X.KeyPress if wanted else X.KeyRelease, shift)
        yield
        xtest.fake_input(self._display, X.KeyRelease if wanted else X.KeyPress, shift)

    def _fake(self, code: int) -> None:
        for act in (X.KeyPress, X.KeyRelease):
            xtest.fake_input(self._display, act, code)


def _keysym(character: str) -> int:
    if character in WHITE:
        return WHITE[character]
    return ord(character) if ord(character) <= LATIN_1 else UNICODE + ord(character)


def _runs(meanings: Mapping[int, int]) -> Iterator[tuple[int, list[int]]]:
    """Neighbouring keys together: the first of each run, and what its keys mean."""
    run: list[int] = []
    for code in sorted(meanings):
        if run and code != run[-1] + 1:
            yield run[0], [meanings[one] for one in run]
            run = []
        run.append(code)
    if run:
        yield run[0], [meanings[one] for one in run]
