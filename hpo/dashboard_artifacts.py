"""The folder that optuna-dashboard reads artifacts from."""

from typing import BinaryIO

from bottle import HTTPResponse  # type: ignore[import-untyped]  # what optuna-dashboard stands on
from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound
from typing_extensions import override

NOT_HERE = "this artifact's file is not in the folder of --artifacts: another machine may have it"


class ArtifactFolder(FileSystemArtifactStore):
    """Answers 404 for a file that is not there, where optuna-dashboard would fail with 500."""

    @override
    def open_reader(self, artifact_id: str) -> BinaryIO:
        try:
            return super().open_reader(artifact_id)
        except ArtifactNotFound as error:
            raise HTTPResponse(NOT_HERE, status=404) from error
