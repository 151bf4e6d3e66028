"""A verdict is True, or the reason why not."""

from typing import Literal

Verdict = Literal[True] | str
