"""A guided tour on make-believe hosts: `python -m console.demo`.

`fleet` runs real SSH servers on loopback addresses, `machines` says what each
of them pretends to be, `stage` makes the home and the documents, `tour` types
the commands. The tour uses the same command line as everybody: nothing here
has a door of its own.
"""
