"""The kinds of inputs that an operation declares; each validates one value and describes its form field."""

from operations.framework.inputs.files import FilesInput
from operations.framework.inputs.input import Input
from operations.framework.inputs.scalars import FloatInput, IntInput, NumberInput, SelectInput, StringInput
from operations.framework.inputs.sky import SourceInput, TargetPositionsInput

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
