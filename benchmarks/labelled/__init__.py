"""A labelled set: small tenants that act, lag and tell, and for every movement of their scores who did what."""
