"""Chaos: workers die, Redis forgets, messages are lost; every session must end where it should all the same."""
