"""Sources of files: where data sessions and operations get what they name, one kind of place in each module."""
