"""Pictures: how pixels become something to look at."""
