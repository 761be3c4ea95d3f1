"""THE WINDOWS: what policyd sees of the world beyond Postfix.

Law: a window answers in the words of `model` or raises Unavailable; what stands behind it (a library, a socket, a
server's mood) is known in here only.
"""
