"""Object storage, the file cache, frame archives and uploaded images."""
