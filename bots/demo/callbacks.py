"""The callback queue of the demo company."""

from datetime import timedelta

from bots.demo.sources import read
from bots.demo.world import World
from crm.models import Callback, CallbackAttempt


async def load(world: World) -> None:
    """Callbacks that are due, and some that were made or given up."""
    for row in read("requests")["callbacks"]:
        contact = world.contacts[row["who"]]
        created = world.clock.ago(row["ago"])
        tries = [(outcome, note, world.clock.ago(at)) for outcome, note, at in row.get("tries", ())]
        callback = await Callback.create(
            contact_id=contact.id,
            request_id=world.requests[contact.id].id if row.get("request") else None,
            phone=contact.phone,
            topic=row["topic"],
            due_at=created + timedelta(minutes=30),
            assignee_id=world.staff[row.get("assignee", "seojun")].id,
            attempts=len(tries),
            outcome=tries[-1][0] if tries else "",
            created_at=created,
        )
        if "due" in row:
            callback.due_at = world.clock.due(row["due"])
        else:
            callback.status = "done" if callback.outcome == "reached" else "given_up"
            callback.done_at = tries[-1][2]
        await callback.save()
        for outcome, note, at in tries:
            await CallbackAttempt.create(
                callback_id=callback.id, staff_id=callback.assignee_id, outcome=outcome, note=note, at=at
            )
        world.happened(contact.id, "callback.requested", created, callback_id=callback.id)
        if callback.done_at:
            world.happened(
                contact.id,
                "callback.done",
                callback.done_at,
                callback_id=callback.id,
                status=callback.status,
                outcome=callback.outcome,
            )
    await world.write_timeline()
