"""The panel by Tk, which comes with Python for Windows and macOS: a borderless window above all others.

Untested: no machine of these systems was at hand.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from media.assist.marks import Stroke
from media.assist.panel import Drawing

MARGIN: Final = 24
LOOK_MS: Final = 20


class TkWindow:
    """See `platforms.Window`. Tk lives on one thread, which looks into the queue of calls every 20 ms.

    macOS wants windows on the main thread: there `run` is called on it, and the agent runs on another.
    """

    scale = 1.0
    shortcut = ""

    def __init__(self, pressed: Callable[[str], None], *, own_thread: bool) -> None:
        self._pressed = pressed
        self._calls: queue.Queue[Callable[[], None]] = queue.Queue()
        self._place = (0, 0, 0, 0)
        self._drawing: Drawing | None = None
        self._root: Any = None
        if own_thread:
            threading.Thread(target=self.run, name="panel", daemon=True).start()

    def run(self) -> None:
        """Serve the window until it is closed."""
        import tkinter

        self._root = tkinter.Tk()
        self._root.overrideredirect(True)
        self._root.attributes("-topmost", True)
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()
        self._label.bind("<Button-1>", self._clicked)
        self._look()
        self._root.mainloop()

    def show(self, drawing: Drawing) -> None:
        self._calls.put(lambda: self._show(drawing))

    def covers(self, x: int, y: int) -> bool:
        left, top, right, bottom = self._place
        return left <= x < right and top <= y < bottom

    def mark(self, strokes: Sequence[Stroke]) -> None:
        """Not drawn here: Tk has no window that clicks go through on both systems."""

    def set_clipboard(self, text: str) -> None:
        def copy() -> None:
            self._root.clipboard_clear()
            self._root.clipboard_append(text)

        self._calls.put(copy)

    def get_clipboard(self, timeout: float = 1.0) -> str:
        answer: queue.Queue[str] = queue.Queue()
        self._calls.put(lambda: answer.put(self._paste()))
        try:
            return answer.get(timeout=timeout)
        except queue.Empty:
            return ""

    def close(self) -> None:
        self._calls.put(lambda: self._root.destroy())

    def _paste(self) -> str:
        import tkinter

        try:
            return str(self._root.clipboard_get())
        except tkinter.TclError:
            return ""

    def _look(self) -> None:
        while not self._calls.empty():
            self._calls.get_nowait()()
        self._root.after(LOOK_MS, self._look)

    def _clicked(self, click: Any) -> None:
        button = self._drawing.button_at(click.x, click.y) if self._drawing else None
        if button is not None:
            self._pressed(button.name)

    def _show(self, drawing: Drawing) -> None:
        from PIL import ImageTk

        self._drawing = drawing
        self._image = ImageTk.PhotoImage(drawing.picture)
        self._label.configure(image=self._image)
        width, height = drawing.picture.size
        left = self._root.winfo_screenwidth() - width - MARGIN
        self._place = (left, MARGIN, left + width, MARGIN + height)
        self._root.geometry(f"{width}x{height}+{left}+{MARGIN}")
