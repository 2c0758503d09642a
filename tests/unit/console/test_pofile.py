from __future__ import annotations

from console.pofile import read_po

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'


def test_an_entry_gives_its_translation() -> None:
    assert read_po(HEADER + '\n#: a.py:3\nmsgid "failed"\nmsgstr "失败"\n') == {"failed": ("失败",)}


def test_text_goes_on_in_the_next_line() -> None:
    text = 'msgid ""\n"one "\n"two"\nmsgstr ""\n"一"\n"二"\n'

    assert read_po(HEADER + "\n" + text) == {"one two": ("一二",)}


def test_escapes_are_undone() -> None:
    assert read_po('msgid "a\\n\\"b\\"\\\\c"\nmsgstr "x\\ty"\n') == {'a\n"b"\\c': ("x\ty",)}


def test_a_plural_has_its_forms_in_order() -> None:
    text = 'msgid "{count} host"\nmsgid_plural "{count} hosts"\nmsgstr[0] "{count} 台主机"\n'

    assert read_po(text) == {"{count} host": ("{count} 台主机",)}


def test_what_is_not_translated_or_fuzzy_or_obsolete_is_left_out() -> None:
    text = (
        'msgid "a"\nmsgstr ""\n\n#, fuzzy\nmsgid "b"\nmsgstr "乙"\n\n#~ msgid "c"\n#~ msgstr "丙"\n'
    )

    assert read_po(text) == {}


def test_entries_need_no_blank_line_between_them() -> None:
    text = (
        '#: a.py\nmsgid "a"\nmsgstr "A"\n#, fuzzy\nmsgid "b"\nmsgstr "B"\nmsgid "c"\nmsgstr "C"\n'
    )

    assert read_po(text) == {"a": ("A",), "c": ("C",)}
