"""
What a command has to say, as a value, and the ways to write it down. Pure: a value in, text out.

    Plan, RunResult, TenantSnapshot …          the domain
        │   plan.py apply.py accounts.py apps.py tenants.py validation.py        one file a kind
    Report                                     document.py: machine form, tables, text; knows no format
        │   query.py                           --query picks a part of the machine form
        │   formats/*.py                       one file a format, listed in render.py
    text                                       safe_text.py: what came from a tenant cannot act in it

A new format is one file in `formats` and one line in `render.FORMATS`. A new kind is one file here.

Two rules. A kind never escapes and a format always does, through the one function of its sink, so that nothing is
escaped twice and nothing is forgotten. What could not be read is said to be unknown in every format, and never left
out or written as empty.
"""
