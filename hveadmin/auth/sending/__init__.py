"""
How a sending application signs in, with msal: as itself, or with the HVE account's own permission.

`ways` says what it proves itself with, read and checked before anybody is contacted; `sign_in` asks Entra. msal and not
azure-identity, because a diagnosis wants Entra's own words: msal hands them over as they came, and raises nothing.
"""
