"""What a client sees: the types, inputs and payloads of the API, and the application that serves them."""
