"""The HTML pages of the proxy, served by Starlette beside the relay."""
