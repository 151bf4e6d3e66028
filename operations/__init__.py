"""The packaged data operations, one module each; `operations.framework.registry` finds them by introspection.

An operation in a package of its own subclasses BaseDataOperation and names the class in an entry point of the group
`carrel.operations`. These modules are public for such packages:

- `operations.framework.operation`: BaseDataOperation, the contract
- `operations.framework.inputs` and `operations.framework.common_inputs`: the inputs that an operation declares
- `operations.framework.context`: OperationContext (progress, cancellation, scratch folder) and SubProgress
- `operations.framework.outcome`: RunInputs, Frame, OperationOutcome, Output, OutputKind, Estimate
- `operations.framework.errors`: OperationFailed, OperationInterrupted, Cancelled
- `operations.framework.output_files`, `operations.framework.estimates` and `operations.framework.script_parts`
- `operations.science`: reading, combining and writing frames

`examples/operation` is a complete package. Operations see local files only: no database, no network.
"""
