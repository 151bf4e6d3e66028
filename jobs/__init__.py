"""What happens later: jobs by noun, the sweep, the follower of the engine, and the worker that runs them."""
