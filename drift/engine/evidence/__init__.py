"""Who did it, and how that is known: events, records, verdicts."""
