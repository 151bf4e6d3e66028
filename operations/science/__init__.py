"""Pure functions on frames that the operations share."""
