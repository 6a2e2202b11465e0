"""
What people write down: the configuration, profiles and plan files, read into the domain's values.

Text comes in as bytes, is read as YAML or JSON without running anything in it, and leaves as a value or as the list
of everything that is wrong with it, each with its place. Nothing here reaches the network, and no secret is read.
"""
