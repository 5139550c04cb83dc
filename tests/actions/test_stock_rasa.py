"""The project is ordinary Rasa: `rasa run` with our action server holds the same conversation."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from crm import db
from crm.models import ServiceRequest
from nlu.train import ensure_model
from tests.actions import company
from tests.actions.conftest import ROOT

pytestmark = [pytest.mark.full, pytest.mark.rasa]
STARTS_WITHIN = 300  # seconds; both servers import TensorFlow first


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def start(log: Path, environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    """A Rasa server in a process group of its own."""
    with log.open("wb") as file:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", "-m", "rasa", "run", *arguments,
            cwd=ROOT, env=environment, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip


async def answers(client: aiohttp.ClientSession, address: str) -> None:
    """Wait until a server answers there."""
    async with asyncio.timeout(STARTS_WITHIN):
        while True:
            try:
                async with client.get(address) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)


@pytest.fixture
async def stock(sqlite_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a stock Rasa server with the project's model and actions."""
    model = await asyncio.to_thread(
        ensure_model, ROOT / "var" / "models", root=ROOT, progress=lambda line: None
    )
    await db.connect(sqlite_url, synchronous="NORMAL")
    await company.open_shop(tmp_path)
    await db.close()
    rasa, actions = free_port(), free_port()
    (tmp_path / "endpoints.yml").write_text(f"action_endpoint: {{url: http://127.0.0.1:{actions}/webhook}}\n")
    (tmp_path / "credentials.yml").write_text("rest:\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RASA_TELEMETRY_ENABLED": "false",
        "DANGOL_DATABASE_URL": sqlite_url,
        "DANGOL_DATA_DIR": str(tmp_path),
    }
    ours = ["--actions", "bots.rasa_actions", "--port", str(actions)]
    theirs = ["--model", str(model), "--port", str(rasa), "--interface", "127.0.0.1"]
    for name in ("endpoints", "credentials"):
        theirs += [f"--{name}", str(tmp_path / f"{name}.yml")]
    servers = []
    try:
        servers.append(await start(tmp_path / "actions.log", environment, "actions", *ours))
        servers.append(await start(tmp_path / "rasa.log", environment, *theirs))
        async with aiohttp.ClientSession() as client:
            await answers(client, f"http://127.0.0.1:{actions}/health")
            await answers(client, f"http://127.0.0.1:{rasa}/")
        yield f"http://127.0.0.1:{rasa}"
    finally:
        for server in servers:
            if server.returncode is None:
                os.killpg(server.pid, signal.SIGKILL)
            await server.wait()


async def test_stock_rasa_opens_a_request_in_a_korean_conversation(stock: str, sqlite_url: str) -> None:
    heard: list[str] = []
    async with aiohttp.ClientSession() as client:
        for text in (
            "안녕하세요",
            "냉장고에서 소리가 나요",
            "나중에 정할게요",
            "서울 강남구 테헤란로 1, 101호",
            "010-1111-2222",
            "네",
        ):
            message = {"sender": "u1", "message": text}
            async with client.post(f"{stock}/webhooks/rest/webhook", json=message) as response:
                heard += [reply["text"] for reply in await response.json() if "text" in reply]
    assert heard == [
        "안녕하세요, 새봄가전이에요. 무엇을 도와드릴까요?",
        "많이 불편하셨겠어요.",
        "언제 방문하면 좋을까요?",
        "어디로 방문하면 될까요? 동·호수까지 적어 주세요.",
        "연락받으실 전화번호를 알려 주세요.",
        "이대로 접수할까요?",
        "접수됐어요. 번호는 SR-" + heard[-1].split("SR-")[1],
    ]
    await db.connect(sqlite_url, synchronous="NORMAL")
    try:
        request = await ServiceRequest.get()
        assert (request.symptom, request.phone) == ("소리가 나요", "+821011112222")
        assert request.number in heard[-1]
    finally:
        await db.close()
