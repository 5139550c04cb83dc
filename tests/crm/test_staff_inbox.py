"""What staff did in a face that calls us is stored before it is acknowledged."""

from datetime import datetime

from crm import db, staff_inbox


async def test_letters_that_no_database_keeps_do_not_keep_an_event_out(any_db: str, now: datetime) -> None:
    said = {"text": "가\x00나\ud800", "files": [{"name\x00": "사진"}]}
    for stored in (True, False):
        number = await staff_inbox.store("slack", "", "Ev1", "message", said, queue=1, now=now)
        assert (number is not None) is stored
    (row,) = await db.fetch("SELECT data FROM staff_event")
    assert db.read_json(row["data"]) == {"text": "가나?", "files": [{"name": "사진"}]}
