"""How a request is answered: find, may, do."""
