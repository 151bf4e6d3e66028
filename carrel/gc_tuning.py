"""How a long-running process keeps its memory."""

import gc

THRESHOLDS = (10_000, 20, 20)


def settle() -> None:
    """Let the collector pass over all that was loaded at start, and come less often.

    Call it once, when everything is imported. Schema, models and libraries are a million objects that never go;
    looking through them again and again took a quarter of the time of a large answer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
