"""
What hveadmin does, one verb a file: gather → decide → act. Ports come in as arguments; nothing here knows a wire.
"""
