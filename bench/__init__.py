"""
What speed and size are measured with: `python -m bench`, or `python -m bench NAME...` for some.

Each file here that has `measure()` is one benchmark. All numbers are ratios within one run, or counts, because a time
by itself says more of the machine than of the program. Nothing here is asserted by a timed test.
"""
