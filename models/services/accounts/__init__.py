"""Services of accounts: users, tokens, organizations, roles and history."""
