"""Light curves: the brightness of one source over time, and its period."""
