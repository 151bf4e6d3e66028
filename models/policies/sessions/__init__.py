"""Policies of regions, workstations, images and sessions."""
