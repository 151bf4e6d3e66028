"""Policies: the rows that a principal can see, and the actions that it may take, with one module per resource."""

from typing import Literal

PolicyDecision = Literal[True] | str
"""The result of a policy check: True, or the reason for the refusal."""
