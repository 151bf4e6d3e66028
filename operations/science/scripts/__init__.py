"""The longer scripts of operations; users see them, and they reproduce the result bit by bit."""
