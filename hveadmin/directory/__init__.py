"""
Entra's directory through Microsoft Graph: what each id is, and what each application may do.

    questions.py   what can be asked, as values; pure
    batch.py       asks many questions in one HTTP call, patiently; the only one that touches the wire
    items.py       how single properties of an answer are read; pure
    identify.py    from the answers, what each id is; pure
    permissions.py from the answers, what an application may do about sending mail; pure
    graph.py       GraphDirectory: which questions to ask, and in what order
"""
