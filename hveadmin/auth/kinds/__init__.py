"""The ways to sign in, one a file: each has `prepare(asked) -> SignIn`."""
