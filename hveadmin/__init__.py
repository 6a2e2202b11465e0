"""hveadmin: decide which applications may send mail through High Volume Email accounts."""

__version__ = "0.1.0"
