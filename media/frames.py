"""The frames that a page may send, checked; docs/live-support.md describes them."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from media.sdp import MAX_SDP

MAX_FRAME: Final = 64 * 1024  # bytes
MAX_POINTS: Final = 256

Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Sdp = Annotated[str, StringConstraints(max_length=MAX_SDP)]


class BadFrame(Exception):
    """Not one of our frames. `code` is `bad_frame` or `too_large`; `kind` its type, if it said one."""

    def __init__(self, code: str, kind: str | None = None) -> None:
        super().__init__(code)
        self.code, self.kind = code, kind


class _Frame(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Hello(_Frame):
    type: Literal["hello"]
    token: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    browser: Annotated[str, StringConstraints(max_length=256)] = ""
    version: int = 1
    keep: int = 0  # the number of the last offer, if its connection still works


class Description(_Frame):
    """An offer (mode `peer`) or an answer."""

    type: Literal["offer", "answer"]
    sdp: Sdp
    n: int = 0
    to: Id | None = None


class Candidate(_Frame):
    type: Literal["candidate"]
    to: Id | None = None
    candidate: dict[str, Any] | None = None


class Media(_Frame):
    type: Literal["media"]
    audio: bool = False
    camera: bool = False
    screen: bool = False
    facing: Literal["", "user", "environment"] = ""  # which way the camera looks
    torch: bool = False  # its light


class Mark(_Frame):
    type: Literal["mark"]
    id: Id
    act: Literal["point", "draw", "freeze", "unfreeze", "clear"]
    of: Id
    track: Literal["camera", "screen", "page"]
    points: Annotated[list[tuple[Unit, Unit]], Field(max_length=MAX_POINTS)] = []
    color: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None


class Browse(_Frame):
    type: Literal["browse"]
    page: Annotated[str, StringConstraints(max_length=512, pattern=r"^/([^/\\].*)?$")]
    scroll: Unit = 0.0
    field: Annotated[str, StringConstraints(max_length=100)] | None = None


class File(_Frame):
    name: Annotated[str, StringConstraints(max_length=255)]
    type: Annotated[str, StringConstraints(max_length=100)]
    size: Annotated[int, Field(ge=0)]
    url: Annotated[str, StringConstraints(max_length=1024, pattern=r"^/([^/\\].*)?$")]  # of ours alone


class Chat(_Frame):
    type: Literal["chat"]
    id: Id
    text: Annotated[str, StringConstraints(max_length=4000)] = ""
    file: File | None = None


class Hold(_Frame):
    type: Literal["hold"]
    participant: Id
    on: bool


class Mute(_Frame):
    type: Literal["mute"]
    participant: Id
    track: Literal["audio", "camera", "screen"] = "audio"
    on: bool


class Control(_Frame):
    type: Literal["control"]
    whom: Id
    state: Literal["ask", "grant", "refuse", "revoke"]
    scope: Literal["view", "control"] = "control"
    by: Id | None = None  # grant and refuse: whose request is answered; absent: the only one


class Recording(_Frame):
    type: Literal["recording"]
    state: Literal["ask", "agree", "refuse", "stop"]


class Transfer(_Frame):
    type: Literal["transfer"]
    to: Id
    note: Annotated[str, StringConstraints(max_length=1000)] = ""


class Quality(_Frame):
    type: Literal["quality"]
    loss: Unit = 0.0
    rtt_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    fps: Annotated[float, Field(ge=0, le=240)] = 0.0
    relayed: bool = False


class Remove(_Frame):
    type: Literal["remove"]
    participant: Id


class Plain(_Frame):
    type: Literal["leave", "end", "ping", "renew"]


Frame = (
    Description
    | Candidate
    | Media
    | Mark
    | Browse
    | Chat
    | Hold
    | Mute
    | Control
    | Recording
    | Transfer
    | Quality
    | Remove
    | Plain
)
_ANY: TypeAdapter[Frame] = TypeAdapter(Annotated[Frame, Field(discriminator="type")])
_HELLO: TypeAdapter[Hello] = TypeAdapter(Hello)


def read(text: str) -> Frame:
    """A frame after the first. Raises `BadFrame`."""
    frame: Frame = _read(_ANY, text)
    return frame


def read_hello(text: str) -> Hello:
    """The first frame. Raises `BadFrame`."""
    hello: Hello = _read(_HELLO, text)
    return hello


def _read(adapter: TypeAdapter[Any], text: str) -> Any:
    if len(text) > MAX_FRAME:
        raise BadFrame("too_large")
    try:
        return adapter.validate_json(text)
    except ValidationError:
        raise BadFrame("bad_frame", _kind(text)) from None


def _kind(text: str) -> str | None:
    """The type that a broken frame says it has."""
    try:
        given = json.loads(text)
    except ValueError:
        return None
    kind = given.get("type") if isinstance(given, dict) else None
    return kind if isinstance(kind, str) and len(kind) < 32 else None
