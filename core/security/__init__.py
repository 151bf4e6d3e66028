"""Passwords, tokens, signatures, encryption and global ids."""
