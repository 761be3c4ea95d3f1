"""THE LISTS: the text of list files in, matchers out.

Law: pure (no socket, no clock, no log, no file). Text never raises: a mistake in it is a ``FILE:LINE: ...`` sentence.
A list answers with the line that matched, because an administrator asks which one it was.

An entry is stored as the text under which it is looked up (`syntax.Key`), so a look-up is a few dictionary questions,
as in Postfix's access(5), however many entries there are.
"""
