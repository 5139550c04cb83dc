"""Rasa's model storage, with an archive that is not compressed: most of it is numbers, which hardly shrink.

Stock Rasa packs at the highest level, which takes a fifth of our training.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from rasa.engine.storage.local_model_storage import MODEL_ARCHIVE_COMPONENTS_DIR, LocalModelStorage
from rasa.engine.storage.storage import ModelMetadata

_LEVEL = 0


class QuickStorage(LocalModelStorage):  # type: ignore[misc]
    """Writes the same archive as its base, which any Rasa loads."""

    def take(self, archive: Path, resources: Collection[str]) -> None:
        """Copy what another model's archive holds of these resources; none need be there."""
        with tarfile.open(archive) as packed:
            for member in packed.getmembers():
                place, _, inner = member.name.strip("/").partition("/")
                if place == MODEL_ARCHIVE_COMPONENTS_DIR and inner.split("/")[0] in resources:
                    member.name = inner
                    packed.extract(member, self._storage_path, filter="data")

    def create_model_package(
        self, model_archive_path: str | Path, model_configuration: Any, domain: Any
    ) -> ModelMetadata:
        """Pack the trained components and the model's description into one file."""
        described = self._create_model_metadata(domain, model_configuration)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            shutil.copytree(self._storage_path, folder / MODEL_ARCHIVE_COMPONENTS_DIR)
            self._persist_metadata(described, folder)
            with tarfile.open(model_archive_path, "w:gz", compresslevel=_LEVEL) as archive:
                archive.add(folder, arcname="")
        return described
