"""THE WORDS: pure values and Protocols that every room speaks.

Law: no I/O, no clock, no logging in this package; it imports nothing of policyd but itself.
"""
