"""Secrets become *** and nothing else changes."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess

import pytest

from core.vault.masking import MIN_SECRET_BYTES, MOST_HELD_BYTES, Masker, MaskStream


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"password is hunter22.", b"password is ***."),
        (b"hunter22hunter22", b"***"),
        (b"hunter22 hunter22", b"*** ***"),
        (b"Hunter22 hunter2", b"Hunter22 hunter2"),
        (b"68756e7465723232 68756E7465723232", b"*** ***"),
        (base64.b64encode(b"hunter22"), b"***="),
        (base64.b64encode(b"hunter22\n"), b"***"),
        (b"h\0u\0n\0t\0e\0r\0002\0002\0", b"***"),
        (b"", b""),
    ],
)
def test_a_secret_and_its_forms_are_masked(printed: bytes, shown: bytes) -> None:
    assert Masker(["hunter22"]).mask(printed) == shown


def test_what_is_not_in_use_is_masked_only_where_it_cannot_be_guessed() -> None:
    masker = Masker(["hunter22"], others=["hunter23", "correct-horse", "a line here\nshort"])

    assert masker.mask(b"hunter22 hunter23 correct-horse short") == b"*** hunter23 *** short"
    assert masker.mask(b"a line here\nshort") == b"***"
    assert masker.unmaskable == 0


AWKWARD = "pa$$ 'w\"o\\r`d/<é&名>%+?!,#"
LONG = "".join(f"key{number:03}" for number in range(50))


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize(
    ("command", "secret", "shown"),
    [
        (["bash", "-xc", ': "$1"', "bash"], "it's  a secret", b"+ : '***'\n"),
        (["bash", "-xc", ': "$1"', "bash"], "two\n'lines\t", b"+ : '***'\n"),
        (["dash", "-xc", ': "$1"', "dash"], "it's  a secret", b"+ : ***\n"),
        (["bash", "-c", 'printf %q "$1"', "bash"], "~#,!{}^*?[]|&;()<>=~x", b"***"),
        (["bash", "-c", 'printf %q "$1"', "bash"], "two\n'lines\t\\\x01", b"$'***'"),
        (["sh", "-c", 'printf %s "$1" | base64', "sh"], LONG, b"***\n" * 6),
        (["sh", "-c", 'printf "%s\\n" "$1" | base64', "sh"], LONG, b"***\n" * 5 + b"***==\n"),
        (["sh", "-c", 'printf %s "$1" | od -An -v -tx1 | tr -d " \\n"', "sh"], LONG, b"***"),
    ],
)
def test_what_real_tools_print_of_a_secret_is_masked(
    command: list[str], secret: str, shown: bytes, locale: str
) -> None:
    done = subprocess.run(
        [*command, secret],
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": locale},
    )

    assert Masker([secret]).mask(done.stdout + done.stderr) == shown


@pytest.mark.parametrize("secret", ["it's  a secret", "''two''quotes", "at the end'", "'at both'"])
@pytest.mark.parametrize(
    "shell",
    [
        pytest.param(
            shell,
            marks=pytest.mark.skipif(
                shutil.which(shell) is None, reason=f"{shell} (Debian package) is not installed"
            ),
        )
        for shell in ("bash", "dash", "busybox", "ksh", "zsh")
    ],
)
def test_what_a_shell_traces_of_a_secret_with_quotes_is_masked(shell: str, secret: str) -> None:
    applet = ["sh"] if shell == "busybox" else []
    done = subprocess.run(
        [shell, *applet, "-c", 'PS4="+ "; set -x; : "$1"', shell, secret],
        capture_output=True,
        check=True,
    )

    (traced,) = re.findall(rb": (.*)\n", Masker([secret]).mask(done.stderr))
    assert b"***" in traced
    assert set(traced) <= set(b"$'\"\\*")


def test_bash_quotes_differently_in_the_c_locale_and_is_masked_there_too() -> None:
    for locale, shown in (("C", b"$'***'"), ("C.UTF-8", b"***")):
        done = subprocess.run(
            ["bash", "-c", 'printf %q "$1"', "bash", AWKWARD],
            capture_output=True,
            check=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": locale},
        )
        assert Masker([AWKWARD]).mask(done.stdout) == shown


def test_base64_of_a_longer_text_keeps_at_most_the_shared_characters() -> None:
    shown = Masker(["hunter22"]).mask(base64.b64encode(b"user:hunter22@host"))

    before, _, after = shown.partition(b"***")
    assert b"hunter22" not in base64.b64decode(before + b"A" * (-len(before) % 4))
    # "user:" and "@host" take 6 2/3 characters each, and share the broken ones.
    assert (len(before), len(after)) == (7, 7)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"my \x1b[31mhun\x1b[01;32mter22\x1b[0m!", b"my \x1b[31m***\x1b[0m!"),
        (b"hun\x1b]0;title\x07ter22", b"***"),
        (b"hun\x1b]8;;http://x\x1b\\ter22", b"***"),
        (b"hun\x1b(Bter22", b"***"),
        (b"\x1b[1mhunter2\x1b[0m1", b"\x1b[1mhunter2\x1b[0m1"),
    ],
)
def test_colours_inside_a_secret_hide_nothing_of_it_wherever_it_is_cut(
    printed: bytes, shown: bytes
) -> None:
    for cut in range(len(printed) + 1):
        stream = MaskStream(Masker(["hunter22"]))
        parts = [stream.feed(printed[:cut]), stream.feed(printed[cut:]), stream.flush()]
        assert b"".join(parts) == shown, cut


def test_endless_colours_inside_a_secret_are_not_held_for_ever() -> None:
    stream = MaskStream(Masker(["hunter22"]))
    held = []
    for _ in range(4):
        stream.feed(b"hun" + b"\x1b[0m" * 20_000)
        held.append(stream.held_bytes)
    assert max(held) <= MOST_HELD_BYTES


def test_overlapping_and_touching_secrets_become_one_mask() -> None:
    masker = Masker(["abcdef", "defghi", "ghijkl", "mnop"])

    assert masker.mask(b"<abcdefghi>") == b"<***>"
    assert masker.mask(b"<ghijklmnop>") == b"<***>"
    assert masker.mask(b"<ghijkl mnop>") == b"<*** ***>"


def test_a_secret_that_begins_like_another_is_masked_to_its_own_end() -> None:
    assert Masker(["secret", "secret-longer"]).mask(b"secret-long secret-longer") == b"***-long ***"


def test_short_secrets_are_counted_instead_of_masked() -> None:
    masker = Masker(["abc", "abc", "x", "", "名", "abcd"])

    assert masker.unmaskable == 3
    assert masker.mask(b"abc x abcd") == b"abc x ***"
    assert len("名".encode()) < MIN_SECRET_BYTES


@pytest.mark.parametrize("masker", [Masker(), Masker([""]), Masker(["abc"])])
def test_without_secrets_output_passes_through_at_once(masker: Masker) -> None:
    output = b"x" * 1000

    assert not masker
    assert MaskStream(masker).feed(output) is output
    assert MaskStream(masker).flush() == b""


def test_only_what_may_become_a_secret_is_held_back() -> None:
    stream = MaskStream(Masker(["secret"]))

    assert stream.feed(b"my sec") == b"my "
    assert stream.feed(b"urity sec") == b"security "
    assert stream.feed(b"ret") == b"***"
    assert stream.feed(b"s") == b""
    assert stream.flush() == b"s"
    assert stream.flush() == b""


def test_a_mask_goes_on_across_pieces() -> None:
    stream = MaskStream(Masker(["abcd", "cdef"]))

    released = [stream.feed(piece) for piece in (b"<abcd", b"ef", b"abcd>", b"abcd", b"abcd", b"e")]

    assert b"".join(released) + stream.flush() == b"<***>***e"


def test_each_line_of_a_private_key_is_masked() -> None:
    body = [base64.b64encode(bytes([number]) * 48) for number in range(5)]
    key = b"\n".join([b"-----BEGIN KEY-----", *body, b"-----END KEY-----", b""])
    masker = Masker([key])

    assert masker.mask(b"cat: " + key + b".") == b"cat: ***."
    for line in body:
        assert masker.mask(b"> " + line + b"\r\n") == b"> ***\r\n"
    assert masker.mask(b"-----BEGIN KEY-----") == b"-----BEGIN KEY-----"


def test_a_long_secret_is_masked_to_its_last_byte_and_so_is_a_stretch_of_it() -> None:
    secret = bytes(33 + number * 7 % 89 for number in range(1000)).replace(b"*", b"+")
    masker = Masker([secret])

    assert masker.mask(b"<" + secret + b">") == b"<***>"
    assert masker.mask(b"<" + secret.hex().encode() + b">") == b"<***>"
    assert b"***" in masker.mask(secret[100:300])


def test_messages_are_masked_as_text() -> None:
    masker = Masker(["hunter22", "密码密码"])

    assert masker.mask_text("cannot log in with 密码密码: hunter22 \ud800") == (
        "cannot log in with ***: *** \ud800"
    )


def test_a_masker_never_shows_its_secrets() -> None:
    masker = Masker(["hunter22"])

    assert "hunter22" not in f"{masker!r} {MaskStream(masker)!r}"


def test_no_end_of_a_line_is_held_back_for_a_key_of_many_lines() -> None:
    key = "\n".join(f"{number:02}" + "Zk" * 34 for number in range(20))
    stream = MaskStream(Masker([key]))
    assert stream.feed(b"hello\n") == b"hello\n"
    assert stream.feed(f"{key}\n".encode()) + stream.flush() == b"***\n"
    for start in range(0, len(key) - 140, 7):
        piece = key[start : start + 140].encode()
        assert piece[40:100] not in Masker([key]).mask(piece)
