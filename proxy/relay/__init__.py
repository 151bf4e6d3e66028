"""The relay: requests from clients to containers, responses back, and websockets as bytes."""
