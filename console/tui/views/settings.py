"""How one person wants this console: theme, language, and the key of every action."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console import themes
from console.actions import Action, Scope, Subject, registry
from console.i18n import LANGUAGES, _, language
from console.keys import name_of_key, taken_by
from console.presenters.actions import scope_word
from console.presenters.preferences import Setting, language_name, settings_table
from console.presenters.text import Table, Tone
from console.tui.views.listing import ListView
from console.tui.widgets.choosing import Choice, Option
from console.tui.widgets.keycatcher import KeyCatcher

_THEME, _LANGUAGE = "theme", "language"


class SettingsView(ListView):
    """Kept in the home's preferences.toml; what is chosen holds at once."""

    SCOPE = Scope.SETTINGS

    def on_mount(self) -> None:
        self._tell_trouble()

    async def load(self) -> None:
        self.show_items(list(self._settings()), lambda each: each.id)

    def _settings(self) -> Iterator[Setting]:
        chosen = self.deck.preferences
        yield Setting(
            _THEME,
            _("theme"),
            themes.title(chosen.theme or themes.AUTO),
            _("the colours of this console"),
            bool(chosen.theme),
        )
        yield Setting(
            _LANGUAGE,
            _("language"),
            language_name(language()),
            _("of everything that people read here"),
            bool(chosen.language),
        )
        for action in registry().values():
            yield Setting(
                action.id,
                _("{where}: {title}").format(where=scope_word(action.scope), title=action.title),
                " ".join(self.deck.keys_of(action)),
                action.help,
                action.id in chosen.keys,
                is_in_force=action.id in self.deck.wishes.keys,
            )

    def present(self, items: Sequence[Setting]) -> Table:
        return settings_table(items)

    def title(self) -> str:
        return _("settings")

    def subject(self) -> Subject:
        return Subject(kind="setting", names=tuple(each.id for each in self.grid.chosen))

    def open_item(self, item: Setting) -> None:
        change = {_THEME: self._choose_theme, _LANGUAGE: self._choose_language}.get(item.id)
        deed = change() if change else self._choose_key(registry()[item.id])
        self.run_worker(self._guarded(deed), exit_on_error=False)

    async def _choose_theme(self) -> None:
        options = [Option(each, themes.title(each)) for each in (themes.AUTO, *themes.NAMES)]
        now = self.deck.preferences.theme or themes.AUTO
        wanted = await self.deck.question(Choice(_("theme"), options, now))
        if wanted is not None:
            self._keep(theme=wanted)

    async def _choose_language(self) -> None:
        options = [Option(each, language_name(each)) for each in LANGUAGES]
        wanted = await self.deck.question(Choice(_("language"), options, language()))
        if wanted is not None:
            self._keep(language=wanted)

    async def _choose_key(self, action: Action) -> None:
        own, in_force = self.deck.preferences.keys, self.deck.wishes.keys

        def taken(key: str) -> Action | None:
            # What cannot be now may be as soon as this is another key, and the other way round.
            return taken_by(action, key, own) or taken_by(action, key, in_force)

        key = await self.deck.question(KeyCatcher(action, taken))
        if key is not None:
            self._keep(keys={**own, action.id: name_of_key(key)})

    def do_reset(self) -> None:
        own = dict(self.deck.preferences.keys)
        for id_ in self.subject().names:
            if id_ in (_THEME, _LANGUAGE):
                self._keep(**{id_: ""})
            elif own.pop(id_, None) is not None:
                self._keep(keys=own)

    def _keep(self, **changes: object) -> None:
        """Raises OpsError where it cannot be kept; nothing has changed then."""
        self.deck.prefer(**changes)
        self.grid.clear_widths()
        self.reload()
        self.deck.say(_("kept"), Tone.GOOD)
        self.deck.silence()
        self._tell_trouble()

    def _tell_trouble(self) -> None:
        """What of the file cannot be."""
        if self.deck.wishes.trouble is not None:
            self.deck.complain(self.deck.wishes.trouble)
