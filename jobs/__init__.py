"""Background work: jobs by domain, periodic tasks, the engine event watcher, the worker and the functions."""
