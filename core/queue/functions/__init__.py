"""Waking functions that drain a queue: signed HTTP requests or SQS messages."""
