"""The permission kernel: enums, rules, default roles and principals."""
