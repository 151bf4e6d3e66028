"""Scripts of the operations that take more than a few lines."""
