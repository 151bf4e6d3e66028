"""The result of a policy check: True, or the reason for the refusal."""

from typing import Literal

PolicyDecision = Literal[True] | str
