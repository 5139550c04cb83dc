"""What every process of ours needs before it works: the database, the vault, the zone, the files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bots.faults import Stop
from bots.fleet import CHANNELS
from bots.settings import Settings
from crm import codes, company, db, files, live_links, storage, vault, zone
from crm import migrate as migrations


@asynccontextmanager
async def connected(settings: Settings, *, pool: int = 5) -> AsyncIterator[None]:
    """Open what the CRM stands on, and close it again."""
    settings.home()
    settings.wake_dir.mkdir(parents=True, exist_ok=True)
    zone.use(settings.tz)
    vault.use(settings.secret())
    files.use(storage.Folder(settings.files_dir), max_bytes=settings.upload_max_mb * 1024 * 1024)
    live_links.use(settings.url)
    codes.use([channel for channel, key in CHANNELS.items() if settings.accounts(channel, key)])
    await db.connect(
        settings.database, synchronous=settings.sqlite_synchronous, wake_dir=settings.wake_dir, pool=pool
    )
    try:
        yield
    finally:
        await db.close()


@asynccontextmanager
async def ready(settings: Settings) -> AsyncIterator[None]:
    """`connected`, for commands: raises `faults.Stop` unless the tables are of this release."""
    async with connected(settings):
        if await migrations.pending_migrations():
            raise Stop("the database's tables are not of this release; run: dangol migrate")
        yield


async def migrate(settings: Settings) -> list[str]:
    """Bring the tables to this release and, the first time, make the company that they are for.

    Returns the names of what was applied.
    """
    async with connected(settings):
        applied = await migrations.migrate()
        await company.ensure()
    return applied
