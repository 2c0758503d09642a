"""Output of any length as lines on a screen of any size; for every console that shows it.

Pure: no engine, no clock, no screen. The engine's index says where each line is; a log holds that
index and the few chunks that were asked for, says which ones are missing, and is filled with them.

chunks.py   bytes as they arrived, cut into rows
log.py      the index, and rows by their numbers
matches.py  where a text occurs, and the next place
shown.py    a row as harmless text in tones
layout.py   that text in lines of a screen
margin.py   what stands before them
window.py   the part that is on the screen, and ways to move it
whole.py    all of it, for files and pagers
wanted.py   which output is meant, as it is typed
"""
