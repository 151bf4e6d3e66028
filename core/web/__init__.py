"""What the HTML pages and the HTTP endpoints of the API and the proxy share: branding, CSRF checks, redirects."""
