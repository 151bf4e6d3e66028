"""The kinds of inputs that an operation declares; each checks one value and describes itself."""

from operations.inputs.files import FilesInput
from operations.inputs.input import Input
from operations.inputs.scalars import FloatInput, IntInput, NumberInput, SelectInput, StringInput
from operations.inputs.sky import SourceInput, TargetPositionsInput

__all__ = [
    "FilesInput",
    "FloatInput",
    "Input",
    "IntInput",
    "NumberInput",
    "SelectInput",
    "SourceInput",
    "StringInput",
    "TargetPositionsInput",
]
