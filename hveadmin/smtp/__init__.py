"""
The sender's side of an HVE account: SMTP AUTH XOAUTH2.

`xoauth2` is the exchange without a socket, `probe` has the socket; what an answer means is `domain.smtp_replies`. What
an account's list is for is a 235 for the right application and for no other.
"""
