"""The outbox, its dispatcher and the event bus: what leaves a transaction after commit."""
