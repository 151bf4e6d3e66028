"""The cases of all mutations, by name."""

from tests.schema.access_mutations import ACCESS
from tests.schema.data_mutations import DATA_CASES
from tests.schema.mutations import CASES as OTHERS
from tests.schema.workstation_mutations import WORKSTATION_CASES

CASES = {**OTHERS, **WORKSTATION_CASES, **ACCESS, **DATA_CASES}
