"""A wrong setting is named with what is wrong about it and an example, before anything starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bots import supervisor
from bots.settings import PREFIX, Settings, SettingsError, load

ROOT = Path(__file__).parent.parent.parent
SPACED = "copied with a space"
# Wrong values of every setting, as they stand in the environment.
WRONG: dict[str, tuple[str, ...]] = {
    "database_url": ("mysql://x", "postgres://", "sqlite://", "dangol.db", "postgres://u:pa/ss@h/db"),
    "data_dir": ("", "/dev/null"),
    "storage_url": ("s3://bucket", "file://folder/files", "file:///", "/srv/files"),
    "host": ("", "my host", "http://127.0.0.1", "-", "300.1.1.1", "1.2.3"),
    "port": ("", "99999", "-1", "http"),
    "public_url": ("help.example.com", "ftp:x", "https://", "https://h.example/app", "https://h:99999"),
    "trusted_proxies": ("127.0.0.1,nonsense", "10.0.0.0/99"),
    "secret_key": ("short", f"{SPACED} that is longer than thirty-two"),
    "locale": ("", "fr", "KO"),
    "timezone": ("", "Mars/Base", "KST"),
    "upload_max_mb": ("0", "many", "3000"),
    "sqlite_synchronous": ("", "maybe", "full"),
    "chat_origins": ("foo", "https://shop.example/path", "https://shop.example:port"),
    "chat_visitor_secret": ("short",),
    "telegram_token": ("bad", "123:short"),
    "telegram_api_url": ("", "api.telegram.org", "http://h:x"),
    "telegram_link_url": ("", "t.me", "http://h:x"),
    "telegram_webhook_secret": ("short", "with spaces in the middle"),
    "kakao_secret": ("short",),
    "kakao_callback_hosts": ("localhost", "https://bot-api.kakao.com"),
    "mail_from": ("nobody", "a@b, c@d"),
    "smtp_url": ("smtp.example.com", "http://smtp.example.com", "smtps://", "smtps://h:99999"),
    "imap_url": ("pop3://mail.example.com", "imap://mail.example.com", "imaps://h:x"),
    "solapi_key": (SPACED,),
    "solapi_secret": (SPACED,),
    "solapi_sender": ("call me", "123"),
    "solapi_url": ("api.solapi.com",),
    "solapi_webhook_secret": ("short",),
    "alimtalk_profile": (SPACED,),
    "turn_url": ("x", "turn.example.com:3478", "turn:h:99999", "turn:h?transport=quic"),
    "turn_secret": ("short",),
    "media_url": ("media.example.com", "https://"),
    "media_public_ip": ("media.example.com", "203.0.113.700"),
    "media_ports": ("", "1", "80-90", "40000-", "50000-40000", "40000-70000", "a-b"),
    "media_processes": ("-1", "65", "two"),
    "stt_model": ("/no/such/folder", "/dev/null"),
    "slack_bot_token": ("xapp-1", f"xoxb-{SPACED}"),
    "slack_app_token": ("xoxb-1",),
    "slack_signing_secret": (SPACED,),
    "slack_client_id": (SPACED,),
    "slack_client_secret": (SPACED,),
    "slack_api_url": ("https://slack.com", "slack.com/api/"),
}
CASES = [(name, value) for name, values in WRONG.items() for value in values]


def test_every_setting_has_a_wrong_value_here() -> None:
    assert set(WRONG) == set(Settings.model_fields)


@pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{name}={value}" for name, value in CASES])
def test_a_wrong_setting_is_told_by_name_fault_and_example(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = f"{PREFIX}{name.upper()}"
    monkeypatch.setenv(full, value)
    with pytest.raises(SettingsError) as refused:
        load()
    (told,) = str(refused.value).splitlines()
    fault, _, example = told.removeprefix(f"{full}: ").rpartition(f" Example: {full}=")
    assert told.startswith(f"{full}: ")
    assert len(fault) > 8
    assert example in (Settings.model_fields[name].examples or [])
    if "secret" in name or "token" in name or name.endswith("_key"):
        assert not value or value not in told.replace(example, "")


@pytest.mark.parametrize("name", sorted(set(WRONG) - {"stt_model"}))
def test_the_example_of_a_setting_is_a_right_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    example = (Settings.model_fields[name].examples or [""])[0]
    if "…(" in example:  # stands for a random secret
        example = "0123456789abcdef" * 3
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", example)
    load()


def test_a_command_ends_with_the_line_and_no_traceback() -> None:
    command = [sys.executable, "-m", "bots", "migrate"]
    wrong = {**os.environ, "DANGOL_MEDIA_PORTS": "1", "DANGOL_PORT": "http"}
    ended = subprocess.run(command, cwd=ROOT, env=wrong, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    told = ended.stderr.splitlines()
    assert len(told) == 2
    assert told[0].startswith(("dangol: DANGOL_MEDIA_PORTS: must begin at 1024", "dangol: DANGOL_PORT: "))


def test_a_name_that_is_no_setting_is_told_with_the_nearest_one_and_stops_nothing(tmp_path: Path) -> None:
    """`.env` is read too; what `dangol serve` starts does not repeat it."""
    (tmp_path / ".env").write_text("DANGOL_TELEGRAM_TOKN__SALES=1001:AAAA\nDANGOL_SUPERB=1\n")
    mistyped = {"DANGOL_DATABASEURL": "sqlite:///elsewhere.db", "DANGOL_DATA_DIR": str(tmp_path / "var")}
    given = {**os.environ, **mistyped, "PYTHONPATH": str(ROOT)}
    for more, times in (({}, 1), ({supervisor.CHILD: "1"}, 0)):
        ended = subprocess.run(
            [sys.executable, "-m", "bots", "migrate"],
            cwd=tmp_path, env={**given, **more}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert ended.returncode == 0
        warned = [json.loads(line) for line in ended.stderr.splitlines()]
        told = {line["name"]: line.get("meant") for line in warned if line["event"] == "setting.unknown"}
        wanted = {
            "DANGOL_DATABASEURL": "DANGOL_DATABASE_URL",
            "DANGOL_SUPERB": None,
            "DANGOL_TELEGRAM_TOKN__SALES": "DANGOL_TELEGRAM_TOKEN__SALES",
        }
        assert told == (wanted if times else {})
        assert "elsewhere" not in ended.stderr


def test_a_data_folder_that_cannot_be_made_is_told_as_a_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    read = Settings(data_dir=tmp_path / "file" / "below")
    with pytest.raises(SettingsError, match=r"^DANGOL_DATA_DIR: cannot be made: .*Example: "):
        read.home()


def test_networks_of_proxies_are_read_from_a_list_with_commas() -> None:
    assert load(trusted_proxies="127.0.0.1, 10.0.0.0/8").trusted_proxies == ["127.0.0.1", "10.0.0.0/8"]
