"""The data path between clients and containers."""
