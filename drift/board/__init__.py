"""The brief for a board: six figures of a period, prod apart from dev, and the evidence that they are derived from."""
