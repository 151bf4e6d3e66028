"""The verbs of the domain. Callers check permissions first; each verb says whether it needs a transaction."""
