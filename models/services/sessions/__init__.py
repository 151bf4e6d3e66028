"""Services of workstations and sessions."""
