"""Services of data sessions: files, operations and results."""
