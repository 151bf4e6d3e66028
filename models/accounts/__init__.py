"""Tables of accounts: users, tokens, organizations, collaborations, roles and history."""
