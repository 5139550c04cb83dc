"""A wrong setting is named with what is wrong about it and an example, before anything starts."""

import pytest

from bots.settings import SettingsError, load


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("port", "99999", "less than or equal to 65535"),
        ("timezone", "Mars/Base", "not a zone"),
        ("database_url", "mysql://x", "must begin with sqlite://"),
        ("sqlite_synchronous", "maybe", "'FULL' or 'NORMAL'"),
        ("public_url", "ftp:x", "http:// or https://"),
        ("trusted_proxies", "127.0.0.1,nonsense", "'nonsense' is no IP address"),
        ("chat_origins", "foo", "is not an origin"),
        ("secret_key", "short", "needs at least 32"),
        ("telegram_token", "bad", "@BotFather"),
        ("turn_url", "x", "turn:HOST:PORT"),
    ],
)
def test_a_wrong_setting_is_told_by_name_fault_and_example(name: str, value: str, fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(**{name: value})
    told = str(refused.value)
    assert f"DANGOL_{name.upper()}: " in told
    assert fault in told
    assert f"Example: DANGOL_{name.upper()}=" in told


def test_networks_of_proxies_are_read_from_a_list_with_commas() -> None:
    assert load(trusted_proxies="127.0.0.1, 10.0.0.0/8").trusted_proxies == ["127.0.0.1", "10.0.0.0/8"]
