"""The C runtime of Windows: how a program there reads its command line."""

from __future__ import annotations


def split_words(line: str) -> list[str]:
    """The arguments of a command line, as Microsoft's C runtime documents that it reads them."""
    words: list[str] = []
    word, slashes, quoted, began, at = "", 0, False, False, 0
    while at < len(line):
        character = line[at]
        at += 1
        if character == "\\":
            slashes, began = slashes + 1, True
            continue
        if character == '"':
            word += "\\" * (slashes // 2)
            if slashes % 2:
                word += '"'
            elif quoted and line[at : at + 1] == '"':
                word, at = word + '"', at + 1
            else:
                quoted = not quoted
            slashes, began = 0, True
            continue
        word, slashes = word + "\\" * slashes, 0
        if character in " \t" and not quoted:
            if began:
                words.append(word)
            word, began = "", False
        else:
            word, began = word + character, True
    if began:
        words.append(word + "\\" * slashes)
    return words
