"""What is drawn now is told to who comes later."""

from typing import Any

from media.drawn import KEPT, Drawn


def mark(name: str, act: str = "draw", of: str = "customer", at: float = 0.5) -> dict[str, Any]:
    return {"id": name, "act": act, "of": of, "track": "camera", "points": [(at, at)], "from": "staff"}


def test_a_stroke_of_the_pen_is_kept_in_pieces_and_an_arrow_as_it_was_last() -> None:
    drawn = Drawn()
    for frame in (
        mark("pen-1", at=0.1),
        mark("arrow-1", at=0.1),
        mark("pen-1", at=0.2),
        mark("arrow-1", at=0.3),
    ):
        drawn.take(frame)
    assert [(frame["id"], frame["points"][0][0]) for frame in drawn.listed()] == [
        ("pen-1", 0.1),
        ("pen-1", 0.2),
        ("arrow-1", 0.3),
    ]


def test_what_was_wiped_away_and_what_fades_is_not_told() -> None:
    drawn = Drawn()
    for frame in (
        mark("arrow-1"),
        mark("point-1", act="point"),
        mark("circle-1"),
        mark("arrow-1", act="clear"),
    ):
        drawn.take(frame)
    assert [frame["id"] for frame in drawn.listed()] == ["circle-1"]
    drawn.take(mark("all", act="clear"))
    assert drawn.listed() == []


def test_drawings_go_with_the_picture_they_are_on() -> None:
    drawn = Drawn()
    drawn.take(mark("arrow-1"))
    drawn.take(mark("arrow-2", of="expert"))
    drawn.forget("customer")
    assert [frame["id"] for frame in drawn.listed()] == ["arrow-2"]


def test_endless_drawing_does_not_grow_without_end() -> None:
    drawn = Drawn()
    for number in range(KEPT + 50):
        drawn.take(mark(f"arrow-{number}"))
    for _ in range(KEPT * 2):
        drawn.take(mark("pen-1"))
    assert len(drawn.listed()) <= KEPT
    assert drawn.listed()[-1]["id"] == "pen-1"
