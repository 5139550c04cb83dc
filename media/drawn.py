"""What is drawn on the pictures of a room now, for who comes later or comes again."""

from collections.abc import Mapping
from typing import Any, Final

KEPT: Final = 400  # frames; a stroke of the pen is several. The oldest drawing goes first


class Drawn:
    """Drawings by their ids, oldest first. Points fade by themselves; a frozen picture cannot be sent on."""

    def __init__(self) -> None:
        self._frames: dict[str, list[Mapping[str, Any]]] = {}

    def take(self, frame: Mapping[str, Any]) -> None:
        """A frame `mark` that was said to all."""
        name = str(frame["id"])
        if frame["act"] == "clear":
            if name in ("", "all"):
                self._frames.clear()
            else:
                self._frames.pop(name, None)
        elif frame["act"] == "draw":
            grows = name.startswith("pen-")  # told piece by piece; the others whole each time
            before = self._frames.pop(name, []) if grows else []
            self._frames.pop(name, None)
            self._frames[name] = [*before, frame][-KEPT:]
            while sum(map(len, self._frames.values())) > KEPT:
                del self._frames[next(iter(self._frames))]

    def forget(self, participant: str) -> None:
        """A member is gone, and their picture."""
        self._frames = {n: f for n, f in self._frames.items() if f[0]["of"] != participant}

    def listed(self) -> list[Mapping[str, Any]]:
        """The frames, in the order in which they were said."""
        return [frame for frames in self._frames.values() for frame in frames]
