"""The keyboard by pynput: Windows and macOS, whose systems take characters as they are. Untested."""

import time
from collections.abc import Callable
from typing import Any, Final

from media.assist.acts import BadAct

# The pause after each character: an application must have read the key before its code may mean another one.
PAUSE_SECONDS: Final = 0.004

_NAMES: Final = {
    "Enter": "enter", "Tab": "tab", "Backspace": "backspace", "Delete": "delete", "Escape": "esc",
    "ArrowUp": "up", "ArrowDown": "down", "ArrowLeft": "left", "ArrowRight": "right",
    "Home": "home", "End": "end", "PageUp": "page_up", "PageDown": "page_down", "Insert": "insert",
    "Shift": "shift", "Control": "ctrl", "Alt": "alt", "AltGraph": "alt_gr", "Meta": "cmd",
    "CapsLock": "caps_lock", "NumLock": "num_lock", "ScrollLock": "scroll_lock", "Pause": "pause",
    "PrintScreen": "print_screen", "ContextMenu": "menu", **{f"F{n}": f"f{n}" for n in range(1, 21)},
}  # fmt: skip
# Virtual-key codes of Windows (winuser.h): VK_HANGUL, VK_HANJA. Other systems have no such key.
_CODES: Final = {"HangulMode": 0x15, "HanjaMode": 0x19}


class Keyboard:
    """Not to be shared between threads."""

    repeats = False  # a key that we hold does not repeat by itself

    def __init__(self, windows: bool) -> None:
        from pynput import keyboard

        self._keys, self._codes, self._windows = keyboard.Key, keyboard.KeyCode, windows
        self._controller = keyboard.Controller()

    def press(self, name: str, down: bool) -> None:
        """One key down or up. Raises `BadAct` for one that this system has not."""
        self._say(self._controller.press if down else self._controller.release, self._key(name), "k")

    def write(self, text: str, check: Callable[[], None]) -> None:
        """Type it; `check` is called before each character and raises to stop."""
        for character in text:
            check()
            key = {"\n": self._keys.enter, "\t": self._keys.tab}.get(character, character)
            self._say(self._controller.press, key, "s")
            self._say(self._controller.release, key, "s")
            time.sleep(PAUSE_SECONDS)

    def close(self) -> None:
        """Nothing to give back."""

    def _key(self, name: str) -> Any:
        if len(name) == 1:
            return name
        if name in _CODES and self._windows:
            return self._codes.from_vk(_CODES[name])
        key = getattr(self._keys, _NAMES.get(name, ""), None)
        if key is None:
            raise BadAct("k")
        return key

    def _say(self, do: Callable[[Any], None], key: Any, field: str) -> None:
        try:
            do(key)
        except self._controller.InvalidKeyException:
            raise BadAct(field) from None
