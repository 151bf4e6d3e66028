"""Resolvers of the organizations that participate in collaborations. `collaborations` adds and removes them."""

from models.policies.accounts import collaborations as policy
from resolvers.row_reader import RowReader

reader = RowReader(policy.readable_participants)
