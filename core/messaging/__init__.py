"""The outbox, its dispatcher and the event bus: everything that is sent after commit."""
