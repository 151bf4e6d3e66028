"""Tests of what the HTML pages and the HTTP endpoints share."""
