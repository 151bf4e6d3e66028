"""Real services for tests: started privately, stopped at the end, and reported if they are missing."""
