"""Pure functions on frames that the operations share; they read and write local files only."""
