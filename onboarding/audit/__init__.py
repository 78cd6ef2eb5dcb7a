"""The audit trail: who did what, for which tenant and connection, in a form that reveals changes."""
