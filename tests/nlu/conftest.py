"""Rasa's own libraries warn while they are imported; that is theirs, so it happens before any test."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rasa.engine.recipes.default_components
    import rasa.model_training  # noqa: F401
