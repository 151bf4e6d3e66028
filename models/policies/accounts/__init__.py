"""Policies of users, tokens, organizations, collaborations, roles, grants and history."""
