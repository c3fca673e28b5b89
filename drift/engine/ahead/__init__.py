"""What is to come, and what would be: foretold, due, supposed."""
