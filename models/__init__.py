"""The domain: tables, enums and moves, the policies over them, and the verbs that change them."""
