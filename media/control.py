"""Who may control whose machine: asked, granted by its owner, revoked at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from media import frames
from media.members import Member, tell
from media.ports import Refused

if TYPE_CHECKING:
    from media.room import Room

_SAID = {"ask": "requested", "grant": "granted", "refuse": "refused", "revoke": "revoked"}


class Controls:
    """The requests and grants of a room, by (controller, controlled, scope)."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._states: dict[tuple[str, str, str], str] = {}

    def heard(self, member: Member, frame: frames.Control) -> None:
        """Act on a frame `control`. Raises `Refused`."""
        if frame.state == "ask":
            self._room.require(member, "control")
            target = self._room.other(frame.whom)
            if target is member:
                raise Refused("unknown_participant")
            self._set(member.id, target.id, frame.scope, "requested", member)
        else:
            self._answer(member, frame)

    def partners(self, member: Member) -> list[Member]:
        """Where a member's data channels lead: to whom they control, or who controls them."""
        found: list[str] = []
        for (by, whom, scope), state in self._states.items():
            if state == "granted" and scope == "control" and member.id in (by, whom):
                found.append(whom if by == member.id else by)
        return [self._room.members[one] for one in found if one in self._room.members]

    def listed(self) -> list[Mapping[str, Any]]:
        """What is asked and granted now, as `welcome` tells it."""
        return [self._frame(*key, state) for key, state in self._states.items()]

    def forget(self, member: Member) -> None:
        """A member went: nothing of theirs stays granted."""
        for by, whom, scope in [key for key in self._states if member.id in key[:2]]:
            self._set(by, whom, scope, "revoked", member)

    def _answer(self, member: Member, frame: frames.Control) -> None:
        """Grant and refuse are the words of who was asked; revoke of either side."""
        for key in [key for key in self._states if key[2] == frame.scope]:
            by, whom, _ = key
            mine = member.id == whom == frame.whom and frame.by in (None, by)
            theirs = frame.state == "revoke" and member.id == by and frame.whom == whom
            if not (mine or theirs):
                continue
            if frame.state in ("grant", "refuse") and self._states[key] != "requested":
                continue
            self._set(by, whom, frame.scope, _SAID[frame.state], member)
            return
        raise Refused("not_allowed")

    def _set(self, by: str, whom: str, scope: str, state: str, actor: Member) -> None:
        if state in ("requested", "granted"):
            self._states[by, whom, scope] = state
        else:
            self._states.pop((by, whom, scope), None)
        self._room.timeline.note("control", actor.id, by=by, whom=whom, scope=scope, state=state)
        tell(self._room.members.values(), self._frame(by, whom, scope, state))

    @staticmethod
    def _frame(by: str, whom: str, scope: str, state: str) -> Mapping[str, Any]:
        return {"type": "control", "by": by, "whom": whom, "scope": scope, "state": state}
