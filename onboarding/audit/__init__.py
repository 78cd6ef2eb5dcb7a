"""The audit trail: who did what, for which tenant and connection, in a form in which a change is seen."""
