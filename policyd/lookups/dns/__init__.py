"""DNS: the resolver that every check asks.

Law: the only room that knows a DNS library. `door.open_resolver` opens it; who only wants to read `settings` imports no
library.
"""
