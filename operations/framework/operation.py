"""The base class of data operations; subclasses are found by `operations.framework.registry`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from operations.framework.context import OperationContext
from operations.framework.inputs import Input
from operations.framework.outcome import Estimate, OperationOutcome, RunInputs


class BaseDataOperation(ABC):
    """One operation on data; a subclass in a module of its own adds an operation.

    `version` is part of the key of its results: raise it when the results change.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    category: ClassVar[str] = "image"
    version: ClassVar[int] = 1
    inputs: ClassVar[Mapping[str, Input]]

    @abstractmethod
    def operate(self, inputs: RunInputs, context: OperationContext) -> OperationOutcome:
        """Write the result into `context.folder` and return it.

        Raises BadInput or OperationFailed with one sentence, and Cancelled at a checkpoint. Other exceptions are bugs.
        """

    @abstractmethod
    def estimate(self, inputs: RunInputs) -> Estimate:
        """Return the memory and time of a run with these inputs, from the headers of the files alone."""

    @abstractmethod
    def script(self, inputs: RunInputs, stem: str) -> str:
        """Return a Python script that writes the result to `<stem>.fits` or similar, with public libraries only."""

    @classmethod  # noqa: B027
    def check(cls, inputs: Mapping[str, Any]) -> None:
        """Raise BadInput if canonical inputs, each valid on its own, are not valid together."""

    @classmethod
    def wizard_description(cls, *, advanced: bool = False) -> dict[str, Any]:
        """Return the fields of an input form in the Datalab's format; `advanced` adds the inputs that Datalab lacks."""
        fields = {
            key: declared.wizard_field() for key, declared in cls.inputs.items() if advanced or not declared.advanced
        }
        return {"name": cls.name, "description": cls.description, "category": cls.category, "inputs": fields}
