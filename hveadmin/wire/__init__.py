"""
What Exchange and the directory both need of HTTP: deadlines, trust, the decision to try again, one guarded session.

Nothing here knows a cmdlet or a service principal. Two rules hold for everything above this room: an access token
is never sent to another host and never appears in a text, and an answer that did not arrive whole is an error.
"""
