"""Tables of data sessions: uploads, operations and results."""
