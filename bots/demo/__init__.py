"""The demo company 새봄가전: data in the files beside this one, loaded once into an empty database.

Every time is relative to the moment of loading, every choice is made with a fixed seed. Loading writes no
happenings and queues no messages: nothing is sent to anybody.
"""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

from bots.demo import callbacks, company, people, pictures, requests, talks
from bots.demo.clock import Clock
from bots.demo.sources import read
from bots.demo.world import World
from crm import audit, files, hours, writes
from crm.actor import SYSTEM
from crm.logins import hash_password
from crm.models import CompanyProfile, Contact, Staff

SEED = 410
PASSWORD = "saebom-demo"  # noqa: S105  (public on purpose; refused on any address but loopback)
LOGINS: list[tuple[str, str, str]] = [
    (str(person["login"]), str(person["role"]), PASSWORD) for person in read("company")["staff"]
]


async def load(now: datetime, *, tz: ZoneInfo) -> bool:
    """Load the company unless the database holds people already; True when it was loaded.

    In a database that holds the demo company the present staff are present again. Takes a few seconds; call
    it outside a transaction. Needs `files.use` for the photo.
    """
    if await _inhabited():
        await _return_to_work(now)
        return False
    password_hash = await hash_password(PASSWORD)
    photo = await files.store(
        pictures.washer("E21"), name="세탁기 E21.png", owner="demo", now=now, description="드럼세탁기 E21"
    )
    async with writes.transaction():
        if await _inhabited():
            return False
        world = World(Clock(now, tz), random.Random(SEED))
        await company.load(world, password_hash)
        world.clock.calendar = await hours.load(tz=tz)
        await people.load(world)
        await requests.load(world)
        await talks.load(world, photo)
        await callbacks.load(world)
        await audit.record(SYSTEM, "demo.loaded", "company", 1, now=now)
    return True


async def _inhabited() -> bool:
    return await Staff.exists() or await Contact.exists()


async def _return_to_work(now: datetime) -> None:
    profile = await CompanyProfile.get_or_none(id=1)
    if profile is not None and profile.settings.get("demo"):
        await Staff.filter(demo=True, presence__not="away").update(presence_at=now)
