"""Tests of the proxy: rules one by one, then the whole on loopback against hostile peers."""
