"""
Who signs in, where, and what the token says: access tokens for administrators, through azure-identity.

- azure-identity (287 ms to import), requests and cryptography are imported by the function that needs a token.
- Everything that can be wrong without asking anybody (a missing variable, an unreadable file) is found before
  anybody is asked.
- A secret is a `Secret` from the moment it is read until it is handed to the library, and is in no message.
- A new way to sign in is one file in `kinds` and one line in `credentials.KINDS`.
"""
