"""A drawn photo: nothing here was taken of anybody's home."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

SIZE = (960, 720)
SCALE = 2  # drawn larger and reduced, for smooth edges


def washer(code: str) -> bytes:
    """A front-loading washer whose display shows `code`, as PNG."""
    width, height = SIZE[0] * SCALE, SIZE[1] * SCALE
    image = Image.new("RGB", (width, height), "#dfe3e2")
    draw = ImageDraw.Draw(image)
    _body(draw, width, height)
    _panel(draw, width, code)
    _door(draw, width, height)
    buffer = BytesIO()
    image.resize(SIZE, Image.Resampling.LANCZOS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _body(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    for y in range(height):  # light falls from above
        shade = 214 - 26 * y // height
        draw.line([(0, y), (width, y)], fill=(shade - 4, shade + 2, shade))
    draw.rectangle((0, 0, width, 300), fill="#e9ecea")
    draw.line([(0, 300), (width, 300)], fill="#b9c1be", width=6)


def _panel(draw: ImageDraw.ImageDraw, width: int, code: str) -> None:
    draw.ellipse((170, 40, 390, 260), fill="#f7f8f7", outline="#aab3b0", width=10)
    draw.line([(280, 70), (280, 130)], fill="#6e7875", width=14)
    left, right = width // 2 - 310, width // 2 + 310
    draw.rounded_rectangle((left, 50, right, 250), 36, fill="#15191b")
    font = ImageFont.load_default(150)
    box = draw.textbbox((0, 0), code, font=font)
    x = (left + right - (box[2] - box[0])) / 2 - box[0]
    draw.text((x, 150 - (box[3] + box[1]) / 2), code, fill="#ff5a3c", font=font)
    for i in range(2):
        x = width - 420 + i * 150
        draw.ellipse((x, 60, x + 90, 150), fill="#f7f8f7", outline="#aab3b0", width=6)
    draw.rounded_rectangle((width - 430, 190, width - 180, 230), 18, fill="#c7cecb")


def _door(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    x, y = width // 2, 980
    for radius, colour in ((560, "#9aa5a2"), (520, "#cfd6d4"), (440, "#56626a"), (390, "#323d46")):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    draw.arc((x - 330, y - 330, x + 330, y + 330), 200, 285, fill="#6d7c87", width=34)
    draw.chord((x - 390, y - 390, x + 390, y + 390), 20, 160, fill="#5f89a3")  # the water that stays
    draw.arc((x - 390, y + 40, x + 390, y + 220), 190, 350, fill="#8fb4c9", width=10)
