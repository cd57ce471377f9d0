"""lm-eval's tasks without lm-eval's loader: its files read as data, what they may run, and a run that is shut in.

`reading` is YAML that knows one tag, `tasks` what a task says (its files, functions, data and metrics), `package` the
tasks that come installed. In the step: `running` hands tasks to lm-eval, `values` makes metrics of what it says.
"""
