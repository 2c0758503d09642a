"""The law of masking: no covered form of a secret leaves a stream, wherever it is cut."""

from __future__ import annotations

from hypothesis import strategies as st

from core.vault.masking import MIN_SECRET_BYTES, Masker, MaskStream
from core.vault.secret_forms import Form

Secret = bytes | str

# Few letters make overlaps and false starts common. A `*` may be completed by a mask.
SECRETS = st.lists(
    st.text("ab'/é\n", min_size=1, max_size=9)
    | st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), max_size=80)
    | st.binary(max_size=80).map(lambda data: data.replace(b"*", b"+")),
    min_size=1,
    max_size=4,
)


def to_bytes(secret: Secret) -> bytes:
    return secret.encode() if isinstance(secret, str) else secret


def maskable(secrets: list[Secret]) -> list[bytes]:
    """Those that are long enough to be masked."""
    return [data for data in map(to_bytes, secrets) if len(data) >= MIN_SECRET_BYTES]


def printed(secrets: list[Secret], form: Form) -> list[bytes]:
    """All that a form makes of them and that is long enough to be masked."""
    texts = (text for secret in maskable(secrets) for text in form(secret))
    return [text for text in texts if len(text) >= MIN_SECRET_BYTES]


def pieces_of(data: st.DataObject, output: bytes) -> list[bytes]:
    """The output, cut where chance says."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=12)))
    return [output[a:b] for a, b in zip([0, *cuts], [*cuts, len(output)], strict=True)]


def stream(masker: Masker, pieces: list[bytes]) -> bytes:
    """What is shown of it."""
    masked = MaskStream(masker)
    return b"".join([masked.feed(piece) for piece in pieces]) + masked.flush()


def leaks(
    masker: Masker, texts: list[bytes], before: bytes, after: bytes, data: st.DataObject
) -> list[bytes]:
    """Which of `texts` are shown of an output that holds them all, cut by chance."""
    shown = stream(masker, pieces_of(data, before.join([b"", *texts, b""]) + after))
    return [text for text in texts if text in shown]
