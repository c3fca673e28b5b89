"""What exemptions hide, and what nothing looks at."""
