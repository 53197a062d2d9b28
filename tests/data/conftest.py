from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.data.readers.medimeta_tree import write_medimeta


@pytest.fixture(scope="session")
def written_medimeta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of MedIMeta's `mammo_calc`, for reading alone."""
    root = tmp_path_factory.mktemp("medimeta") / "mammo_calc"
    write_medimeta(root)
    return root


@pytest.fixture
def medimeta(written_medimeta: Path, tmp_path: Path) -> Path:
    """A copy of the tree, to be changed."""
    return shutil.copytree(written_medimeta, tmp_path / "mammo_calc")
