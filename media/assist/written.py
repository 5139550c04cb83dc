"""What the log keeps of an act: what was done and where, never what was typed or copied."""

from typing import Any

from media.assist import acts


def written(act: acts.Act) -> tuple[str, dict[str, Any]]:
    """The kind and the data of a line."""
    match act:
        case acts.Press():
            place = {"x": round(act.x, 4), "y": round(act.y, 4)}
            return ("pressed" if act.down else "released"), {"button": act.button, **place}
        case acts.Wheel():
            return "wheel", {"dx": act.dx, "dy": act.dy}
        case acts.Key():
            return "key", {"key": act.name if len(act.name) > 1 else "character", "down": act.down}
        case acts.Text():
            return "text", {"length": len(act.text)}
    return "other", {}
