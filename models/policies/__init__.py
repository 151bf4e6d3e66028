"""Who may see and do what: one file a noun, each function a sentence."""
