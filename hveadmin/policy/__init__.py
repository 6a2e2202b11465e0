"""The policy rules: pure. One rule a file, its docstring is its documentation page; `rules` lists them."""
