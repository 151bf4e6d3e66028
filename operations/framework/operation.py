"""What every data operation is: a name, typed inputs, a run, and what it tells about itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from operations.framework.context import Work
from operations.framework.inputs import Input
from operations.framework.outcome import Estimate, Given, Outcome


class BaseDataOperation(ABC):
    """One operation on data: a subclass in a file of its own is all that it takes to add one.

    `version` is part of the key of its results; raise it when the results change.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    category: ClassVar[str] = "image"
    version: ClassVar[int] = 1
    inputs: ClassVar[Mapping[str, Input]]

    @abstractmethod
    def operate(self, inputs: Given, work: Work) -> Outcome:
        """Make the result in `work.folder`.

        Raises BadInput or OperationFailed with one sentence, and Cancelled at a checkpoint; anything else is a bug.
        """

    @abstractmethod
    def estimate(self, inputs: Given) -> Estimate:
        """Return what a run with these inputs will take, from the headers of the files alone."""

    @abstractmethod
    def script(self, inputs: Given, stem: str) -> str:
        """Return Python text that makes `<stem>.fits` or its like from the path of each frame, by public libraries."""

    @classmethod  # noqa: B027
    def check(cls, inputs: Mapping[str, Any]) -> None:
        """Raise BadInput when canonical inputs that are right one by one do not go together."""

    @classmethod
    def wizard_description(cls, *, advanced: bool = False) -> dict[str, Any]:
        """Return what a wizard needs to ask for the inputs, in the prior system's shape; with our own on request."""
        fields = {key: given.wizard_field() for key, given in cls.inputs.items() if advanced or not given.advanced}
        return {"name": cls.name, "description": cls.description, "category": cls.category, "inputs": fields}
