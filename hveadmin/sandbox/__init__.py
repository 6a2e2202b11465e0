"""
The other side of the wire: a whole tenant on loopback, written from the protocols and from nothing of the client.
"""
