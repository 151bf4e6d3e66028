"""Permissions: enums, rules, default roles and principals. Policies and services build on them."""
