"""The processes that the runner talks to: the template, and the children that it forks."""
