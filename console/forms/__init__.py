"""Forms: documents and starts as fields that a person fills in, for every console.

    fields.py      JSON Schema -> fields: what may stand there, what it means, what it is without
    values.py      a body and a path -> the value there; a new body with another value there
    entry.py       a field's value as text that a person edits, and back
    outline.py     fields and a body -> rows: what is shown, in which order, how deep
    placing.py     problems that the engine names by path -> rows
    draft.py       a body that somebody changes, and what it was
    launching.py   a job's or a flow's parameters and the rest of a start, as a schema

Pure: no screen, no clock, no engine. A body stays what it is except where somebody changes it:
fields that a form does not know survive, and what is opened and saved is the same text.
"""
