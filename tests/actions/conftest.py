"""The trained model, loaded once, and customers who talk to it."""

import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # Rasa's own libraries warn while they are imported; that is theirs, so it happens before any test.
    warnings.simplefilter("ignore")
    import rasa.engine.recipes.default_components
    import rasa.model_training  # noqa: F401

from bots.settings import Settings
from bots.work import Assistant, executor
from nlu import rasa_patches
from nlu.engine import Engine
from nlu.train import ensure_model
from tests.actions import company
from tests.actions.conversation import Customer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The project's own model, trained when it is not there yet."""
    rasa_patches.apply()
    model = ensure_model(ROOT / "var" / "models", root=ROOT, progress=lambda line: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Engine(model, executor())


@pytest.fixture
async def customer(db: str, engine: Engine, tmp_path: Path) -> Customer:
    """A customer nobody knows yet, on a Monday morning."""
    staff = await company.open_shop(tmp_path)
    return Customer(Assistant(Settings(data_dir=tmp_path), engine), staff)


@pytest.fixture
async def known(customer: Customer) -> Customer:
    """A customer with name, phone and address, who bought a drum washer in March of last year."""
    await customer.is_known()
    await customer.owns(company.WASHER)
    return customer
