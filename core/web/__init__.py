"""The branding of the HTML pages of the API and the proxy."""
