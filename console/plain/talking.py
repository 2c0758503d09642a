"""The conversation: reads out a page, hears a choice, follows it.

Whatever happens in a choice, the conversation goes on: an error is told, Ctrl-C leaves the
question that is open. It ends at `quit` and where the input ends.
"""

from __future__ import annotations

from console.i18n import _
from console.plain.pages import Choice, Desk, Opener, Page
from console.plain.voice import Back, Quit
from console.plain.words import Word, word_of
from console.presenters.errors import error_lines
from core.errors import OpsError


def converse(desk: Desk, home: Opener) -> None:
    """Talk until somebody quits; `home` is the page that `back` ends at."""
    trail = [home]
    try:
        while True:
            _visit(desk, trail)
    except Quit:
        return


def _visit(desk: Desk, trail: list[Opener]) -> None:
    """Read out the page at the end of the trail, and change the trail by what is chosen there."""
    try:
        page = trail[-1](desk)
        read_out(desk, page)
    except OpsError as error:
        desk.voice.say(*error_lines(error))
        if len(trail) > 1:
            trail.pop()
            return
        page = Page(title="")
    except KeyboardInterrupt:
        page = Page(title="")
    while not _follow(desk, trail, page):
        pass


def read_out(desk: Desk, page: Page) -> None:
    """The whole page."""
    voice = desk.voice
    voice.say("", page.title, *page.parts)
    if page.empty and not page.entries:
        voice.say(page.empty)
    for number, choice in enumerate(page.numbered, page.first):
        voice.item(number, choice.text)
    if page.more is not None:
        voice.say(_("there is more: {word}, or Enter").format(word=Word.MORE.shown))


def _follow(desk: Desk, trail: list[Opener], page: Page) -> bool:
    """Hear one answer and do it; whether a page is to be read out now."""
    voice = desk.voice
    try:
        answer = voice.ask(_("Choice:"))
        word = word_of(answer)
        if word is Word.MORE or not answer:
            return _go_on(desk, trail, page)
        if word is None:
            return _choose(desk, trail, page, answer)
        return _obey(desk, trail, word)
    except Back:
        return True
    except OpsError as error:
        voice.say(*error_lines(error))
        return True
    except KeyboardInterrupt:
        voice.say(_("left; `{word}` ends the conversation").format(word=Word.QUIT.shown))
        return False


def _go_on(desk: Desk, trail: list[Opener], page: Page) -> bool:
    if page.more is None:
        desk.voice.say(
            _("that was all; `{word}` tells what can be said").format(word=Word.HELP.shown)
        )
        return False
    trail[-1] = page.more
    return True


def _obey(desk: Desk, trail: list[Opener], word: Word) -> bool:
    if word is Word.QUIT:
        raise Quit
    if word is Word.HELP:
        desk.voice.say(*help_lines())
        return False
    if word is Word.BACK and len(trail) > 1:
        trail.pop()
    return True


def _choose(desk: Desk, trail: list[Opener], page: Page, answer: str) -> bool:
    choice = find(page, answer)
    if choice is None:
        desk.voice.say(_nothing_called(answer, page))
        return False
    opener = choice.does(desk)
    if opener is not None:
        trail.append(opener)
    return True


def _nothing_called(answer: str, page: Page) -> str:
    if not page.numbered:
        text = _("there is nothing to choose here; `{back}` goes back")
        return text.format(back=Word.BACK.shown)
    text = _("nothing here is called {answer}; say a number from {first} to {last}, or `{word}`")
    last = page.first + len(page.numbered) - 1
    return text.format(answer=answer, first=page.first, last=last, word=Word.HELP.shown)


def find(page: Page, answer: str) -> Choice | None:
    """The choice with this number, or the only one that begins so."""
    if answer.isdecimal():
        at = int(answer) - page.first
        return page.numbered[at] if 0 <= at < len(page.numbered) else None
    fitting = [each for each in page.numbered if each.text.lower().startswith(answer.lower())]
    return fitting[0] if len(fitting) == 1 else None


def help_lines() -> list[str]:
    """What can be said everywhere."""
    return [
        _("Say the number of a line, or how it begins."),
        _("{word}: the next part of a list or of a text; Enter alone does the same").format(
            word=Word.MORE.shown
        ),
        _("{word}: read the page out again, as things are now").format(word=Word.AGAIN.shown),
        _("{word}: where you came from; at a question it leaves the question").format(
            word=Word.BACK.shown
        ),
        _("{word}: end; what runs goes on").format(word=Word.QUIT.shown),
        _("Ctrl-C leaves what is being asked or read out."),
    ]
