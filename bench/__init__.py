"""THE RACE TRACK: what policyd costs, beside postgrey, measured by anyone with one command (docs/performance.md).

Law: the server under test is the real program with a real store; nothing of it is imported except the store that
`fill` writes. Both servers get the same requests, the same stored triplets, the same lists, the same disk.
"""
