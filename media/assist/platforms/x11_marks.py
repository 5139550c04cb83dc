"""What staff draw, over the whole screen of an X11 desktop: windows in the shape of the lines, which no click
can hit (SHAPE extension 1.1, input region)."""

from collections.abc import Sequence
from typing import Any, Final

from Xlib import X
from Xlib.ext import shape

from media.assist.marks import Stroke

# White beneath, so that the house's green is seen on everything: colour and width of each layer.
LAYERS: Final = ((0xFFFFFF, 10), (0x12A18E, 6))


class Overlay:
    """Lives on the thread of the panel's window, on its connection."""

    def __init__(self, shown: Any) -> None:
        self._display, self._screen = shown, shown.screen()
        self._windows: list[Any] = []

    def draw(self, strokes: Sequence[Stroke]) -> None:
        """Show these lines and no others."""
        if not strokes:
            for window in self._windows:
                window.unmap()
            return
        self._windows = self._windows or [self._make(colour) for colour, _ in LAYERS]
        for window, (_, width) in zip(self._windows, LAYERS, strict=True):
            mask = self._mask(strokes, width)
            window.shape_mask(shape.SO.Set, shape.SK.Bounding, 0, 0, mask)
            mask.free()
            window.configure(stack_mode=X.Above)
            window.map()

    def _make(self, colour: int) -> Any:
        screen = self._screen
        window = screen.root.create_window(
            0, 0, screen.width_in_pixels, screen.height_in_pixels, 0, screen.root_depth,
            override_redirect=True, background_pixel=colour,
        )  # fmt: skip
        window.shape_rectangles(shape.SO.Set, shape.SK.Input, X.Unsorted, 0, 0, [])
        return window

    def _mask(self, strokes: Sequence[Stroke], width: int) -> Any:
        screen = self._screen
        size = screen.width_in_pixels, screen.height_in_pixels
        mask = screen.root.create_pixmap(*size, 1)
        pen = mask.create_gc(foreground=0)
        mask.fill_rectangle(pen, 0, 0, *size)
        pen.change(foreground=1, line_width=width, cap_style=X.CapRound, join_style=X.JoinRound)
        for stroke in strokes:
            mask.poly_line(pen, X.CoordModeOrigin, stroke if len(stroke) > 1 else stroke * 2)
        pen.free()
        return mask
