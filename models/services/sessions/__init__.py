"""Services of regions, workstations, images and sessions."""
