"""The handlers of functions, in this process."""
