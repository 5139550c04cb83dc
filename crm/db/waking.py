"""Wake-ups: telling those who wait that something was written."""

from crm.db import state


def after_commit(topic: str) -> None:
    """Wake those who wait for `topic`, here and in other processes: after the commit, or now outside one."""
    current = state.opened.get()
    if current is not None and not current.done:
        current.topics.add(topic)
    else:
        wake(topic)


def wake(topic: str) -> None:
    """Wake them now, in every process."""
    database = state.connected()
    database.wakes.wake(topic)
    database.post.send(topic)


def wake_here(topic: str) -> None:
    """Wake those who wait for `topic` in this process alone, at once."""
    state.connected().wakes.wake(topic)


async def wait(topic: str, timeout: float) -> bool:  # noqa: ASYNC109  (part of the meaning)
    """Sleep until `topic` is woken (True) or for `timeout` seconds (False); wake-ups may be spurious."""
    return await state.connected().wakes.wait(topic, timeout)
