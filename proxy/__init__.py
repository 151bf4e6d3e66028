"""The door to running sessions: one hostname each, admitted per request, relayed as bytes."""
