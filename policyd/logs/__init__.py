"""THE BOOK: one line per decision, in postgrey's words, and everything else that is worth a line."""
