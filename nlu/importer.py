"""The project's files as Rasa reads them, each once and by the C parser of YAML.

Stock Rasa reads every file about six times in pure Python (20 CPU s for ours), and walks through each example
twice to tell it from the others; the result is the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import rasa.shared.utils.io as rasa_io
import yaml
from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.language import BY_RULE

LANGUAGE = "language"
_CODE = re.compile(r"[a-z]{2,3}")
"""Folders of examples that are named so are languages."""


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]
    """YAML 1.2, as Rasa has it: 'no' and 'on' are words, not truth values, and dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?i)true|false"), list("tTfF"))


def _fingerprint(example: Message) -> str:
    return hashlib.blake2b(repr(example.data).encode("utf-8", "replace"), digest_size=16).hexdigest()


@contextmanager
def fast_yaml() -> Iterator[None]:
    """Within, Rasa reads YAML by the C parser, but for the few files that need its own.

    Examples are told apart by their printed data there, which one reader always writes in one order.
    """
    slow, thorough = rasa_io.read_yaml, Message.fingerprint

    def read_yaml(content: str, reader_type: str | list[str] = "safe") -> Any:
        if "${" in content:  # Rasa puts environment variables there
            return slow(content, reader_type)
        try:
            return yaml.load(content, Loader=_Loader) or {}  # noqa: S506  a safe loader
        except yaml.YAMLError:
            return slow(content, reader_type)  # for its error, which names file and line

    rasa_io.read_yaml, Message.fingerprint = read_yaml, _fingerprint
    try:
        yield
    finally:
        rasa_io.read_yaml, Message.fingerprint = slow, thorough


def _told(responses: Mapping[str, list[dict[str, Any]]], languages: set[str]) -> None:
    """Give each response that a language lacks the English words instead of the Korean ones."""
    for variants in responses.values():
        said = {one["value"]: variant for variant in variants for one in variant.get("condition", [])}
        for language in sorted(languages - said.keys()):
            if "en" in said:
                condition = [{"type": "slot", "name": LANGUAGE, "value": language}]
                variants.append({**said["en"], "condition": condition})


class ProjectImporter(RasaFileImporter):  # type: ignore[misc]
    """Rasa's importer of files, which remembers what it has read.

    The folder of an example says its language. A language beside Korean and English is answered in English
    where the domain has no words of its own for it.
    """

    @cached_property
    def _domain(self) -> Domain:
        domain = super().get_domain()
        folders = {Path(file).parent.name for file in self._nlu_files}
        others = {name for name in folders if _CODE.fullmatch(name)} - set(BY_RULE)
        if not others:
            return domain
        data = domain.as_dict()
        _told(data["responses"], others)
        return Domain.from_dict(data)

    @cached_property
    def _stories(self) -> StoryGraph:
        return super().get_stories()

    @cached_property
    def _nlu_data(self) -> TrainingData:
        parts = []
        for file in sorted(self._nlu_files):
            parts.append(load_data(file))
            language = Path(file).parent.name
            if _CODE.fullmatch(language):
                for example in parts[-1].training_examples:
                    example.set(LANGUAGE, language)
        whole = TrainingData([example for part in parts for example in part.training_examples])
        for part in parts:
            whole.entity_synonyms.update(part.entity_synonyms)
            whole.regex_features += part.regex_features
            whole.lookup_tables += part.lookup_tables
        return whole

    def get_domain(self) -> Domain:
        """The merged domain."""
        return self._domain

    def get_stories(self, exclusion_percentage: int | None = None) -> StoryGraph:
        """All stories and rules."""
        return super().get_stories(exclusion_percentage) if exclusion_percentage else self._stories

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        """All training examples; the language is told from each text, not from the configuration."""
        return self._nlu_data


class DialogueImporter(ProjectImporter):
    """Leaves the examples unread: for a model whose understanding is there already."""

    @cached_property
    def _nlu_data(self) -> TrainingData:
        return TrainingData()
