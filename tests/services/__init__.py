"""Real services for tests: started privately, stopped at the end, and said plainly when they cannot be had."""
