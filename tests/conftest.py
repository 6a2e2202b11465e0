"""
What holds for every test.

A runner that was itself started in the background ignores SIGINT, and children inherit that: programs that are told
Ctrl-C here would never hear it. A handler of our own is reset to the default in each child.
"""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
