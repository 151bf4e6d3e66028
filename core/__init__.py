"""Infrastructure without domain knowledge; every other package builds on it, and it imports none of them."""
