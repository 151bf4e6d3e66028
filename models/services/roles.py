"""Keep the default roles equal to their definition in code."""

from models.access import DEFAULT_ROLES, Role


async def sync_default_roles() -> None:
    """Write the default roles as they are defined; called after every migration."""
    for name, (description, rules) in DEFAULT_ROLES.items():
        texts = sorted(str(rule) for rule in rules)
        await Role.update_or_create({"description": description, "rules": texts, "is_default": True}, name=name)
