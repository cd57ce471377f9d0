"""Running a function of the project's own where it can do no harm: in a child process that gives up what it has.

`process` starts the child, strongest confinement first, and speaks JSON lines with it; `bubble` is the command line of
bubblewrap, `places` what may be read. In the child, `child` is the program, `landlock`, `filters` and `hook` are what
it puts on before it sees a byte of the project. These modules need the standard library alone.
"""
