"""What has no noun: the ground that every other folder stands on."""
