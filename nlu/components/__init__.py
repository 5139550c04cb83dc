"""Rasa graph components for Korean and English chat; each also works without Rasa's graph."""
