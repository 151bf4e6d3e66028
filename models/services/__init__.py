"""The verbs of the domain: each is called by whoever was allowed to, inside or outside a transaction as it says."""
