"""Combination of many frames to one: stacks of rows, and the rules that reduce them."""
