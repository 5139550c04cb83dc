"""The same main job on PostgreSQL with two fronts and two workers: customers on one, staff on the other."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browser.serving import ROOT, Served, environment, free_port, serving
from tests.browser.test_main_path import KOREAN, walk

pytestmark = [pytest.mark.browser, pytest.mark.rasa, pytest.mark.postgres, pytest.mark.full]


@contextmanager
def beside(served: Served, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A further process on the same database and data folder."""
    with served.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bots", *arguments],
            cwd=ROOT,
            env=environment(served.data, **served.settings),
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def two_of_each(empty_postgres_urls: tuple[str, str], tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    """`dangol serve --demo` and a second front and worker."""
    with ExitStack() as stack:
        first = stack.enter_context(serving(tmp_path, "--demo", DATABASE_URL=empty_postgres_urls[0]))
        stack.enter_context(beside(first, "worker"))
        port = free_port()
        front = stack.enter_context(beside(first, "front", "--port", str(port), "--demo"))
        second = Served(f"http://127.0.0.1:{port}", first.data, (), first.settings, process=front)
        second.ready()
        yield first, second


async def test_the_main_job_spans_two_fronts_and_two_workers(
    browser: Browser, two_of_each: tuple[Served, Served], shoot: Callable[..., Any]
) -> None:
    first, second = two_of_each
    await walk(browser, served=second, staffed=first, words=KOREAN, shoot=shoot)
