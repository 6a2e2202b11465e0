"""
Entra's directory through Microsoft Graph: what each id is.

    questions.py   what can be asked, as values; pure
    batch.py       asks many questions in one HTTP call, patiently; the only one that touches the wire
    identify.py    from the answers, what each id is; pure
    graph.py       GraphDirectory: which questions to ask, and in what order
"""
