"""Files: judged by content, stripped of where they were taken, kept under names nobody can guess."""

import io
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crm import conversations, files, identities, vault
from crm.errors import Invalid, NotFound
from crm.file_types import EXTENSIONS, examine, sniff
from crm.models import File
from crm.storage import Folder

MEGABYTE = 1024 * 1024


@pytest.fixture
def folder(tmp_path):
    vault.use(b"a secret of the installation")
    storage = Folder(tmp_path / "files")
    files.use(storage, max_bytes=MEGABYTE)
    return tmp_path / "files"


def picture(kind="JPEG", size=(40, 20), *, gps=False, orientation=1):
    image = Image.new("RGB", size, "teal")
    exif = Image.Exif()
    exif[274] = orientation
    exif[271] = "Camera of somebody"
    if gps:
        exif.get_ifd(0x8825).update({1: "N", 2: (37.0, 33.0, 0.0), 3: "E", 4: (126.0, 58.0, 0.0)})
    out = io.BytesIO()
    image.save(out, kind, exif=exif.tobytes())
    return out.getvalue()


def box(brand):
    return b"\x00\x00\x00\x18ftyp" + brand + b"\x00" * 12


# --- what it is


def verdict(data):
    """The type, or why there is none."""
    try:
        return examine(data).type
    except Invalid as refused:
        return refused.reason


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (picture("JPEG"), "image/jpeg"),
        (picture("PNG"), "image/png"),
        (picture("WEBP"), "image/webp"),
        (picture("GIF"), "image/gif"),
        (box(b"heic"), "image/heic"),
        (b"%PDF-1.7\n", "application/pdf"),
        (box(b"isom"), "video/mp4"),
        (box(b"M4A "), "audio/mp4"),
        (b"\x1aE\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        ("세탁기에서 물이 새요\r\n\t".encode(), "text/plain"),
        (b"MZ\x90\x00\x03", None),
        (b"PK\x03\x04\x14\x00", None),
        (b"\x7fELF\x02", None),
        (b"\x1aE\xdf\xa3matroska", None),
        (box(b"evil"), None),
        ("세탁기".encode("cp949"), None),
    ],
)
def test_a_type_is_told_by_content(data, kind):
    assert sniff(data) == kind


def test_a_page_is_only_text():
    assert examine(b"<html><script>alert(1)</script></html>").type == "text/plain"


@given(st.binary(max_size=200))
def test_no_bytes_break_the_examination(data):
    assert verdict(data) in {*EXTENSIONS, "empty", "unknown_type", "broken_image", "too_many_pixels"}


@given(st.integers(1, 400), st.integers(0, 255))
def test_a_damaged_picture_is_refused_or_read(at, byte):
    data = bytearray(picture("PNG"))
    data[at % len(data)] = byte
    assert verdict(bytes(data)) in {"image/png", "unknown_type", "broken_image", "too_many_pixels"}


def test_half_a_picture_is_broken():
    with pytest.raises(Invalid) as refused:
        examine(picture("PNG", (400, 400))[:300])
    assert refused.value.reason == "broken_image"


def test_a_bomb_of_pixels_is_refused_before_it_is_decoded():
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    with pytest.raises(Invalid) as refused:
        examine(out.getvalue())
    assert refused.value.reason == "too_many_pixels"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_place_a_picture_was_taken_is_removed_and_it_still_stands_upright(kind):
    content = examine(picture(kind, gps=True, orientation=6))
    with Image.open(io.BytesIO(content.data)) as image:
        exif = image.getexif()
        assert not exif.get_ifd(0x8825)
        assert exif.get(271) is None
        assert exif.get(274) == 6
    assert (content.width, content.height) == (20, 40)


def test_a_picture_without_a_place_is_kept_byte_for_byte():
    data = picture()
    assert examine(data).data == data


# --- keeping it


async def keep(now, data=None, name="사진.jpg", owner="identity:1"):
    return await files.store(data or picture(), name=name, owner=owner, now=now)


async def test_a_stored_file_is_read_back_by_its_token(db, folder, now):
    file = await keep(now)
    again, data = await files.read(file.token)
    assert (again.id, data, file.width, file.height) == (file.id, picture(), 40, 20)
    assert file.token not in str(next(path for path in folder.rglob("*") if path.is_file()))


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"x" * (MEGABYTE + 1), "too_large"), (b"", "empty"), (b"MZ\x90\x00", "unknown_type")],
)
async def test_a_refused_file_leaves_nothing(db, folder, now, data, reason):
    with pytest.raises(Invalid) as refused:
        await files.store(data, name="a", owner="identity:1", now=now)
    assert refused.value.reason == reason
    assert not folder.exists()
    assert await File.all().count() == 0


async def test_an_unknown_token_or_lost_bytes_are_not_found(db, folder, now):
    with pytest.raises(NotFound):
        await files.read("unknown")
    file = await keep(now)
    await Folder(folder).delete(file.storage_key)
    with pytest.raises(NotFound):
        await files.read(file.token)


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("세탁기.jpg", "image/jpeg", "세탁기.jpg"),
        ("IMG.JPEG", "image/jpeg", "IMG.JPEG"),
        ("../../etc/passwd", "text/plain", "passwd.txt"),
        ("C:\\사진\\a.png", "image/png", "a.png"),
        ("invoice.exe", "application/pdf", "invoice.pdf"),
        ("a\u202egpj.exe", "image/jpeg", "agpj.jpg"),
        ("", "image/png", "file.png"),
        (".png", "image/png", "file.png"),
        ("a\r\nSet-Cookie: x.txt", "text/plain", "aSet-Cookie x.txt"),
        ("가" * 300, "text/plain", "가" * 120 + ".txt"),
    ],
)
def test_a_name_is_safe_and_tells_the_true_type(name, kind, shown):
    assert files.safe_name(name, kind) == shown


async def test_a_key_cannot_leave_the_folder(folder):
    with pytest.raises(ValueError, match="leaves"):
        await Folder(folder).get("../../etc/passwd")


async def test_headers_keep_a_file_from_acting_as_a_page(db, folder, now):
    page = await keep(now, b"<html>", name='a".html')
    assert files.headers(page)["Content-Disposition"].startswith("attachment")
    assert files.headers(page)["Content-Type"] == "text/plain; charset=utf-8"
    shown = files.headers(await keep(now))
    assert shown["Content-Disposition"].startswith("inline")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert all("\n" not in value and value.isascii() for value in shown.values())


# --- reaching it


def test_an_address_is_good_for_a_day_and_cannot_be_changed(folder, now):
    address = files.sign("token", now)
    assert files.verify(address, now + timedelta(hours=24)) == "token"
    with pytest.raises(Invalid) as refused:
        files.verify(address, now + timedelta(hours=25, seconds=1))
    assert refused.value.reason == "expired"
    token, expires, signature = address.split(".")
    for forged in (
        f"other.{expires}.{signature}",
        f"{token}.{int(expires) + 3600}.{signature}",
        token,
        "",
        "a.b.c",
    ):
        with pytest.raises(Invalid) as refused:
            files.verify(forged, now)
        assert refused.value.reason == "forged"


def test_addresses_within_an_hour_are_the_same_so_that_pictures_are_cached(folder, now):
    assert files.sign("token", now) == files.sign("token", now + timedelta(minutes=59))


# --- forgetting it


async def test_an_upload_that_no_message_took_is_deleted_after_a_day(db, folder, now):
    taken, lost = await keep(now), await keep(now)
    identity = await identities.find_or_create("web", "", "s1", now=now)
    await File.all().update(owner=f"identity:{identity.id}")
    talk = await conversations.reach(identity, now=now)
    await conversations.append(
        talk.id, direction="in", author="contact", text="", files=[taken.token], now=now
    )
    assert await files.sweep(now + timedelta(hours=23)) == 0
    assert await files.sweep(now + timedelta(hours=25)) == 1
    with pytest.raises(NotFound):
        await files.read(lost.token)
    await files.read(taken.token)
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1
