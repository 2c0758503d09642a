"""The pictures in the README: `python -m tests.tui.screenshots`. Made of the recorded engine.

They are drawings of what the terminal UI shows, in the fonts of whoever looks at them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import assets
from console import themes
from tests.support.recorded import Replayed
from tests.tui.pictures import CASES, ENGINE, LANGUAGES, svg

FOLDER = Path(assets.__file__).parent / "screenshots"
SHOWN = ("pulse", "run-flow", "launch-job")
SIZE = (100, 28)


def main() -> int:
    replayed = Replayed.read(ENGINE)
    FOLDER.mkdir(exist_ok=True)
    for name in SHOWN:
        for language in LANGUAGES:
            drawing = svg(CASES[name], replayed, language, SIZE, themes.DARK)
            # Everybody's own fonts: nothing is fetched when the picture is looked at.
            drawing = re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)
            drawing = drawing.replace("Fira Code,", "ui-monospace, Menlo, Consolas,")
            (FOLDER / f"{name}.{language}.svg").write_text(drawing, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
