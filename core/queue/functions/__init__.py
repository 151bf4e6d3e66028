"""Wakes functions that drain a queue, by signed HTTP requests or SQS messages."""
