"""Branding, templates, CSRF checks and the redirect guard, shared by the HTTP endpoints of the API and the proxy."""
