"""Files of a chat: taken by content, kept apart, served at signed addresses that cannot act as our pages."""

import io
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

from bots.web.files import signed, wanted
from crm.models import File
from tests.bots.web.chat_page import Bot, Client


def a_photo(width: int = 40) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, 30), "#0a6b5e").save(out, "PNG")
    return out.getvalue()


def form(data: bytes, name: str = "photo.png", field: str = "file") -> FormData:
    made = FormData(quote_fields=False)  # as browsers do
    made.add_field(field, io.BytesIO(data), filename=name, content_type="application/octet-stream")
    return made


async def send(front: Client, session: str | None, data: FormData) -> tuple[int, dict[str, Any]]:
    headers = {"X-Dangol-Session": session} if session else {}
    answer = await front.post("/channels/web/upload", data=data, headers=headers)
    return answer.status, await answer.json()


async def test_a_photo_is_sent_with_its_description(page: Any, bot: Bot, front: Client) -> None:
    customer = await page()
    status, kept = await send(front, customer.session, form(a_photo(), "세탁기.png"))
    assert (status, kept["type"], kept["name"]) == (200, "image/png", "세탁기.png")
    assert kept["size"] == len(a_photo())
    await customer.send(type="file", id="p", upload=kept["upload"], description="화면에 E21")
    await customer.hear("done", id="p")
    history = await front.get("/channels/web/history", headers={"X-Dangol-Session": customer.session})
    own = (await history.json())["messages"][0]
    assert (own["from"], own["id"], own["text"]) == ("customer", "p", "화면에 E21")
    served = await front.get(own["files"][0]["url"])
    assert await served.read() == a_photo()
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in served.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("data", "name", "status", "code"),
    [
        (b"<script>alert(1)</script>" * 3, "photo.png", 200, ""),
        (b"MZ\x90\x00" + b"\x00\xff" * 200, "setup.png", 415, "type"),
        (b"\x89PNG\r\n\x1a\n broken", "photo.png", 415, "type"),
        (b"", "empty.png", 422, "missing"),
        (b"\xff\xd8\xff" + b"\x00" * (1024 * 1024), "big.jpg", 413, "too_large"),
    ],
    ids=["markup", "a program", "a broken photo", "nothing", "too big"],
)
async def test_the_content_decides(
    page: Any, bot: Bot, front: Client, data: bytes, name: str, status: int, code: str
) -> None:
    customer = await page()
    given, answer = await send(front, customer.session, form(data, name))
    assert (given, answer.get("code", "")) == (status, code)
    if status == 200:  # markup is only ever text to read or download
        assert answer["type"] == "text/plain"
        served = await front.get(signed(answer["upload"]))
        assert served.headers["Content-Disposition"].startswith("attachment")
    else:
        assert answer["text"]


async def test_an_upload_needs_a_session(front: Client, bot: Bot) -> None:
    assert (await send(front, None, form(a_photo())))[0] == 401
    assert (await send(front, "WyJhIiwiIl0.forged", form(a_photo())))[0] == 401
    assert await File.all().count() == 0


async def test_a_form_without_the_file_is_named(page: Any, front: Client, bot: Bot) -> None:
    customer = await page()
    assert (await send(front, customer.session, form(a_photo(), field="other")))[0] == 422
    headers = {"X-Dangol-Session": customer.session, "Content-Type": "multipart/form-data"}
    answer = await front.post("/channels/web/upload", data=b"nonsense", headers=headers)
    assert answer.status == 422
    bounded = {**headers, "Content-Type": "multipart/form-data; boundary=x"}
    answer = await front.post("/channels/web/upload", data=b"--x\r\nbroken", headers=bounded)
    assert answer.status == 422
    answer = await front.post(
        "/channels/web/upload", data=b"{}", headers={**headers, "Content-Type": "text/x"}
    )
    assert answer.status == 415


async def test_nobody_sends_a_strangers_upload(page: Any, bot: Bot, front: Client) -> None:
    owner, thief = await page(), await page()
    _, kept = await send(front, owner.session, form(a_photo()))
    for upload in (kept["upload"], "unknown"):
        await thief.send(type="file", id=f"t-{upload[:4]}", upload=upload)
        assert (await thief.hear("error"))["code"] == "not_allowed"
    assert (await File.get()).message_id is None


async def test_an_address_is_good_only_with_its_signature(page: Any, bot: Bot, front: Client) -> None:
    customer = await page()
    _, kept = await send(front, customer.session, form(a_photo()))
    address = signed(kept["upload"])
    assert (await front.get(address)).status == 200
    for forged in (
        f"/f/{kept['upload']}",
        address[:-2] + "aa",
        address.replace(".", "..", 1),
        "/f/..%2f..%2fetc",
    ):
        assert (await front.get(forged)).status == 404


async def test_a_player_may_ask_for_a_part(page: Any, bot: Bot, front: Client) -> None:
    customer = await page()
    _, kept = await send(front, customer.session, form(a_photo()))
    part = await front.get(signed(kept["upload"]), headers={"Range": "bytes=1-3"})
    assert (part.status, await part.read()) == (206, b"PNG")
    assert part.headers["Content-Range"] == f"bytes 1-3/{kept['size']}"
    beyond = await front.get(signed(kept["upload"]), headers={"Range": "bytes=999999-"})
    assert beyond.status == 416


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=0-1,3-4", None),
        ("bytes=0-", range(10)),
        ("bytes=4-2000", range(4, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("bytes=10-", range(0)),
        ("bytes=5-4", None),
    ],
)
def test_ranges_are_read_as_the_standard_says(header: str, part: range | None) -> None:
    assert wanted(header, 10) == part
