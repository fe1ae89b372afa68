"""What plays in Python for ``gymlink bench``; `__main__` says how."""
