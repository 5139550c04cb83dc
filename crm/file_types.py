"""What a file is by its content; its name and the sender's word for it count for nothing. Pure."""

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image

from crm.errors import Invalid

MAX_PIXELS: Final = 60_000_000  # of one image: a phone's 50 megapixels pass, a decompression bomb does not
IMAGES: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
EXTENSIONS: Final = {
    "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif",
    "image/heic": ".heic", "application/pdf": ".pdf", "video/mp4": ".mp4", "video/webm": ".webm",
    "audio/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "text/plain": ".txt",
}  # fmt: skip
# Shown by a browser within our pages; everything else is downloaded.
INLINE: Final = frozenset({*IMAGES, "video/mp4", "video/webm", "audio/ogg", "audio/mpeg", "audio/mp4"})

_MAGIC: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)
# Brands of ISO base media files (ISO 14496-12), bytes 8 to 12.
_BRANDS: Final = {
    b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic", b"M4A ": "audio/mp4",
    b"isom": "video/mp4", b"iso2": "video/mp4", b"iso4": "video/mp4", b"iso5": "video/mp4",
    b"iso6": "video/mp4", b"mp41": "video/mp4", b"mp42": "video/mp4", b"avc1": "video/mp4",
    b"M4V ": "video/mp4", b"MSNV": "video/mp4", b"qt  ": "video/mp4", b"3gp4": "video/mp4",
    b"3gp5": "video/mp4",
}  # fmt: skip
_EBML: Final = b"\x1aE\xdf\xa3"
_GPS_IFD: Final = 0x8825  # EXIF 2.3, table 4
_CONTROL: Final = frozenset(range(32)) - {9, 10, 12, 13}


@dataclass(frozen=True)
class Content:
    """A file's own bytes, its media type, and the size in pixels of an image."""

    data: bytes
    type: str
    width: int | None = None
    height: int | None = None


def examine(data: bytes) -> Content:
    """The content as it may be stored: images decoded once to prove them, without the place they were taken.

    Raises `Invalid("file", ...)`: `empty`, `unknown_type`, `broken_image`, `too_many_pixels`.
    """
    if not data:
        raise Invalid("file", "empty")
    kind = sniff(data)
    if kind is None:
        raise Invalid("file", "unknown_type", known=sorted(EXTENSIONS.values()))
    return _image(data, kind) if kind in IMAGES else Content(data, kind)


def sniff(data: bytes) -> str | None:
    """The media type by magic bytes; text is what decodes as UTF-8 without control characters."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    if data[:4] == _EBML and b"webm" in data[:64]:
        return "video/webm"
    if _is_mp3_frame(data):
        return "audio/mpeg"
    return "text/plain" if _is_text(data) else None


def _is_mp3_frame(data: bytes) -> bool:
    """An MPEG audio frame header without reserved values (ISO 11172-3, 2.4.1.3)."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return False
    return data[2] >> 4 not in (0, 15) and data[2] >> 2 & 3 != 3


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not _CONTROL & set(data)


def _image(data: bytes, kind: str) -> Content:
    try:
        with Image.open(io.BytesIO(data), formats=[IMAGES[kind]]) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise Invalid("file", "too_many_pixels", most=MAX_PIXELS)
            image.load()
            located = bool(image.getexif().get_ifd(_GPS_IFD)) or b"GPS" in bytes(image.info.get("xmp") or b"")
            clean = _without_place(image) if located else data
            if _is_turned(image):
                width, height = height, width
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as fault:
        raise Invalid("file", "too_many_pixels", most=MAX_PIXELS) from fault
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError) as fault:
        raise Invalid("file", "broken_image") from fault
    return Content(clean, kind, width, height)


def _is_turned(image: Image.Image) -> bool:
    """Does the camera's orientation swap width and height (EXIF 274, values 5 to 8)?"""
    return int(image.getexif().get(274, 1)) >= 5


def _without_place(image: Image.Image) -> bytes:
    """The same picture with its orientation and colour profile, and no other metadata."""
    kept = Image.Exif()
    kept[274] = image.getexif().get(274, 1)
    options: dict[str, object] = {"exif": kept.tobytes()}
    if image.info.get("icc_profile"):
        options["icc_profile"] = image.info["icc_profile"]
    if image.format == "JPEG":
        options["quality"] = "keep"  # the same quantisation: nothing visible is lost
    elif image.format == "WEBP":
        options |= {"quality": 92, "save_all": bool(getattr(image, "is_animated", False))}
    image.info.pop("xmp", None)
    out = io.BytesIO()
    image.save(out, format=image.format, **options)
    return out.getvalue()
