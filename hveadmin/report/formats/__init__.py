"""One file a format: `write(document, style)` gives the text. What a format imports, it imports when it is used."""
