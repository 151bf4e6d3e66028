"""What the queue promises beyond workers: drains within a budget, poison, numbers."""
