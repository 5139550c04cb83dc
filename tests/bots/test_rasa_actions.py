"""Stock Rasa's action server runs the same actions."""

from rasa_sdk.executor import ActionExecutor

import actions


def test_the_stock_action_server_finds_every_action_with_its_database() -> None:
    executor = ActionExecutor()
    executor.register_package("bots.rasa_actions")
    assert set(executor.actions) == {action.name() for action in actions.ALL}
    assert {run.__module__ for run in executor.actions.values()} == {"bots.rasa_actions"}
