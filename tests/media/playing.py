"""Whether a sealed recording plays: decode all of it, as a player would."""

import hashlib

import av

from media.ports import Segment
from media.sealed import SealedReader
from tests.media.house import House


def plays(house: House, segment: Segment, *, seconds: float, fps: float = 10.0) -> None:
    """Assert that the file is what the store was told, and has pictures and sound for at least so long."""
    path = house.folder / segment.path.name
    reader = SealedReader(path, house.keys[segment.recording])
    plain = reader.slice(0, reader.size)
    assert (len(plain), path.stat().st_size) == (segment.plain_bytes, segment.bytes)
    assert hashlib.sha256(plain).hexdigest() == segment.sha256
    assert plain not in path.read_bytes()
    with av.open(reader) as container:
        assert container.duration is not None
        assert abs(container.duration / 1000 - segment.duration_ms) <= 1
        pictures = list(container.decode(video=0))
        container.seek(0)
        heard = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert segment.duration_ms >= seconds * 1000
    assert len(pictures) >= seconds * fps
    assert {(p.width, p.height) for p in pictures} <= {(640, 480), (480, 360), (320, 240), (320, 180)}
    assert heard >= seconds * 0.8
    reader.close()
