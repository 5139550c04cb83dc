"""`dangol check` where a provider cannot be reached: which one, and where it was looked for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bots import checking, fleet, wiring
from bots.faults import Stop
from bots.settings import load
from crm import consent, contacts, vault
from crm.actor import SYSTEM

NOBODY = "127.0.0.1:1"  # a port that no program listens on


async def test_a_provider_that_does_not_answer_is_named_with_its_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = load(
        data_dir=tmp_path,
        public_url=f"http://{NOBODY}",
        telegram_token="1001:AAAA-bbbb_CCCC1111",
        telegram_api_url=f"http://{NOBODY}",
        kakao_secret="a-secret-path-of-kakao-24x",
        mail_from="help@shop.example",
        smtp_url=f"smtps://u:pass-word@{NOBODY}",
        solapi_key="NCSAYU7YDBXYORXC",
        solapi_secret="9TQPLJX3MZKHW2RB5VNCY8DFG4SAE6UT",
        solapi_sender="15881234",
        solapi_url=f"http://{NOBODY}",
        slack_bot_token="xoxb-1",
        slack_app_token="xapp-1",
        slack_api_url=f"http://{NOBODY}/api/",
    )
    assert await checking._accounts(read) is False
    told = capsys.readouterr().out
    for line in (
        f"!!  channel telegram: Telegram does not answer at http://{NOBODY}",
        f"!!  channel sms: SOLAPI does not answer at http://{NOBODY}",
        f"{NOBODY} does not do as asked; look at host, port, firewall",
        "    docs/channels/email.md tells what to do",
        f"!!  slack: Slack does not answer at http://{NOBODY}/api/",
        "(KAKAO_SECRET), where nobody answers now: start the front",
        "--  channel alimtalk: off; set DANGOL_ALIMTALK_PROFILE",
    ):
        assert line in told
    for secret in ("pass-word", "AAAA-bbbb", "9TQPLJ", "a-secret-path", "xoxb"):
        assert secret not in told


async def test_check_says_that_the_secret_is_not_the_one_that_sealed_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed_by = load(data_dir=tmp_path, secret_key="the-secret-of-this-installation-until-now")
    await wiring.migrate(sealed_by)
    async with wiring.connected(sealed_by):
        made = await contacts.create(SYSTEM, name="김민지", now=datetime.now(UTC))
        await vault.seal_for(made.id, b"010-1234-5678", now=datetime.now(UTC))
    await checking.run(sealed_by, root=tmp_path)
    assert "ok  secret: opens what is sealed" in capsys.readouterr().out
    changed = load(data_dir=tmp_path, secret_key="another-secret-of-at-least-32-characters")
    assert await checking.run(changed, root=tmp_path) is False
    assert "!!  secret: what is sealed in the database was sealed with another one" in capsys.readouterr().out


async def test_doctor_names_who_is_still_to_be_told_of_their_refusal_and_until_when(
    db: str, now: datetime
) -> None:
    caller = await contacts.create(SYSTEM, name="전화로 거부한 고객", now=now)
    await consent.record(caller.id, "ad", channel="sms", granted=False, source="staff:1", now=now)
    (line,) = await checking.untold(now)
    assert line == f"--  tell contact {caller.id} by 2026-03-18 that their no to advertising is written down"
    (late,) = await checking.untold(now + timedelta(days=15))
    assert late.startswith("!!  tell contact")


async def test_an_account_whose_settings_are_not_complete_is_named_and_the_others_are_proved_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"solapi_sender": "1588-1234", "solapi_key": "NCSAYU7YDBXYORXC"}
    read = load(data_dir=tmp_path, public_url=f"http://{NOBODY}", kakao_secret="k" * 24, **wrong)
    assert not await checking._accounts(read)
    told = capsys.readouterr().out
    assert "!!  channel sms: missing: DANGOL_SOLAPI_SECRET\n    docs/channels/sms.md" in told
    assert "ok  channel kakao: " in told
    with pytest.raises(Stop, match=r"channel sms: missing: DANGOL_SOLAPI_KEY; docs/channels/sms\.md"):
        fleet.build(load(data_dir=tmp_path, solapi_sender="1588-1234"))
