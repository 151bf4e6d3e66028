"""The parts that every data operation is built from: inputs, context, outcome, keys and the registry."""
