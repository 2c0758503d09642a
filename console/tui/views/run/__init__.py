"""One run: its head, and panes that show it from several sides.

view.py     what was chosen, which panes stand in the window, what may be asked
acting.py   asking something of a run: its consequence in words, the question, what is demanded
reading.py  reading the run, in a thread; which step the panes are about
panes.py    what every pane is; a list, a text
…           a module a pane
"""

from console.tui.views.run.view import RunView

__all__ = ["RunView"]
