"""Object storage, the file cache, the frame archive client and image resizing."""
