"""Encryption with derived keys and with a key of its own for every contact."""

import pytest

from crm import vault
from crm.models import ContactCipher

SECRET = b"a secret of the installation"


@pytest.fixture(autouse=True)
def secret():
    vault.use(SECRET)


def test_what_is_sealed_for_one_purpose_cannot_be_read_for_another():
    sealed = vault.seal(b"value", purpose="oauth")
    assert vault.unseal(sealed, purpose="oauth") == b"value"
    with pytest.raises(vault.Locked):
        vault.unseal(sealed, purpose="signature")


def test_the_same_value_is_never_sealed_alike():
    assert vault.seal(b"value", purpose="oauth") != vault.seal(b"value", purpose="oauth")


def test_a_short_secret_is_refused():
    with pytest.raises(vault.Locked):
        vault.use(b"short")


def test_another_secret_opens_nothing():
    sealed = vault.seal(b"value", purpose="oauth")
    vault.use(b"another secret of the installation")
    with pytest.raises(vault.Locked):
        vault.unseal(sealed, purpose="oauth")


async def test_one_contacts_value_cannot_be_read_as_anothers(db, now):
    sealed = await vault.seal_for(1, b"value", now=now)
    await vault.seal_for(2, b"other", now=now)
    with pytest.raises(vault.Locked):
        await vault.unseal_for(2, sealed)


async def test_another_secret_is_known_by_what_it_does_not_open(db, now):
    assert await vault.fits()  # nothing is sealed yet
    await vault.seal_for(1, b"value", now=now)
    assert await vault.fits()
    vault.use(b"another secret of the installation")
    assert not await vault.fits()


async def test_a_forgotten_contacts_values_are_gone(db, now):
    sealed = await vault.seal_for(1, b"value", now=now)
    assert await vault.forget(1)
    assert await vault.unseal_for(1, sealed) is None
    assert not await vault.forget(1)


async def test_contact_keys_can_be_wrapped_with_a_new_secret(db, now):
    sealed = [await vault.seal_for(contact, b"value", now=now) for contact in (1, 2, 3)]
    new = b"another secret of the installation"
    after = 0
    while (after := await vault.rewrap(SECRET, new, after=after or 0, limit=2)) is not None:
        pass
    vault.use(new)
    assert [await vault.unseal_for(n + 1, s) for n, s in enumerate(sealed)] == [b"value"] * 3
    assert await ContactCipher.all().count() == 3
