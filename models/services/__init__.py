"""The services: every write of the domain. Callers check permissions first; services open their transactions."""
