"""Long load against the real program, and what of it stays behind."""
