"""The command line: options in, one workflow, one report out. One command a file."""
