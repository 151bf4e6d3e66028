"""Jobs as functions: one invocation opens services, drains a queue and closes; each host has a thin adapter."""
