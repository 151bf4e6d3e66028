"""Policies: the rows that a principal can see, and the actions that it may take, with one module per resource."""
