"""The line that is always there: where one is, how old the data is, who one is, whether writes are open."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from posdeck.cluster.snapshot import Connection, FeedState, Kind
from posdeck.operations.view import Surroundings
from posdeck.ui.palettes import palette
from posdeck.ui.plain import clip_start, plain, width
from posdeck.ui.scene import Scene
from posdeck.ui.theme import tone_style
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.card import line_strip

PRIMARY = (Kind.PODS, Kind.DEPLOYMENTS)
WIDE = 100  # columns from which there is room for the program's name and for seconds
SHORTENED, SHORTEST = 3, 8  # context and identity are cut to eight columns before they go
UNCONFIRMED = 180.0  # bookmarks come about once a minute; silence for longer is not to be called live


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the header; pieces with the highest ``priority`` go first when the width is short."""

    text: str
    tone: Tone = Tone.NORMAL
    priority: int = 0


def connection_part(scene: Scene) -> Part:
    """The state of the data on which everything rests, with its age: the worst of pods and deployments."""
    feeds = [scene.snapshot.feed(kind) for kind in PRIMARY]
    states = {feed.state for feed in feeds}
    ages = [known for feed in feeds if (known := feed.age(scene.now)) is not None]
    oldest = max(ages, default=None)
    # as wide whatever the age, so that what stands beside it does not come and go
    age = "" if oldest is None else f" {seconds_text(oldest):<5}"
    if FeedState.AUTH_EXPIRED in states:
        return Part(f"✖ AUTH EXPIRED{age}", Tone.BAD)
    if states == {FeedState.FORBIDDEN}:
        return Part("⊘ FORBIDDEN", Tone.BAD)
    if FeedState.STALE in states:
        return Part(f"▲ STALE{age}", Tone.BAD)
    if FeedState.CONNECTING in states:
        return Part(f"◐ CONNECTING{age}", Tone.WARN)
    if FeedState.FORBIDDEN in states or FeedState.ABSENT in states:
        return Part(f"◑ PARTLY LIVE{age}", Tone.WARN)
    if oldest is None or oldest > UNCONFIRMED:
        return Part(f"▲ UNCONFIRMED{age}", Tone.BAD)
    return Part(f"● LIVE{age}", Tone.GOOD)


def seconds_text(seconds: float) -> str:
    """An age: tenths below ten seconds would flicker, so whole seconds, then minutes."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def trust_part(connection: Connection) -> Part:
    """What must never be dropped for want of room: nobody checks that this server is the right one."""
    if not connection.insecure:
        return Part("")
    plain_text = connection.server.startswith("http://")
    return Part("▲ NO TLS" if plain_text else "▲ TLS UNCHECKED", Tone.BAD)


def redaction_part(scene: Scene) -> Part:
    """How long text is shown as it came; never dropped either."""
    until = scene.view.surroundings.unredacted_until
    if until is None:
        return Part("")
    return Part(f"✖ UNREDACTED {seconds_text(max(0.0, (until - scene.now).total_seconds()))}", Tone.BAD)


def badge(surroundings: Surroundings) -> str:
    """The environment as a word that cannot be taken for another."""
    return "PRODUCTION" if surroundings.production else plain(surroundings.environment).upper()


def parts(scene: Scene) -> list[Part]:
    """Everything that the header says, left to right, the badge left out."""
    around = scene.view.surroundings
    connection = scene.snapshot.connection
    user = plain(connection.identity.username)
    named_otherwise = around.production and around.environment.lower() != "production"
    environment = [Part(plain(around.environment), Tone.STRONG, 3)] if named_otherwise else []
    writes_tone = Tone.WARN if around.writes == "ask" else Tone.STRONG
    reason = f" ({plain(around.writes_reason)})" if around.writes_reason else ""
    return [
        *environment,
        Part(plain(connection.namespace) or "–", Tone.STRONG),
        Part(plain(connection.context), Tone.NORMAL, 2),
        connection_part(scene),
        trust_part(connection),
        redaction_part(scene),
        Part(f"▲ {plain(connection.problem)}" if connection.problem else "", Tone.BAD, 1),
        Part(user, Tone.NORMAL, 3),
        Part(f"writes: {plain(around.writes)}", writes_tone, 1),
        Part(reason.strip(), Tone.NORMAL, 6),
    ]


class Header(Widget):
    """One line; it repaints itself alone, and only when its text changed."""

    DEFAULT_CSS = """
    Header { height: 1; dock: top; }
    """

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene
        self.place = ""
        self.painted = 0
        self._parts = parts(scene)
        self._shown: tuple[object, ...] = ()

    def show(self, scene: Scene, place: str | None = None) -> None:
        """Take a new scene or another time; ``place`` is what the session screen puts in."""
        self._scene = scene
        if place is not None:
            self.place = plain(place)
        self._parts = parts(scene)
        second = int(scene.now.timestamp())
        shown = (*self._parts, self.place, second, scene.view.surroundings)
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line: badge, parts that fit, the time in UTC at the right."""
        self.painted += 1
        theme: str = getattr(self.app, "palette_name", "dark")
        colours = palette(theme)
        around = self._scene.view.surroundings
        background = colours.production if around.production else colours.safe
        wide = self.size.width >= WIDE
        clock = self._scene.now.strftime("%H:%M:%S UTC" if wide else "%H:%MZ")
        brand, gap = (" posdeck  ", "   ") if wide else (" ", "  ")
        word = badge(around)
        room = self.size.width - len(brand) - width(f" {word} ") - 2 - len(clock) - 2
        chosen = _fitting(
            [p for p in [*self._parts, Part(self.place, Tone.ACCENT, 2)] if p.text], room, len(gap)
        )
        line: list[tuple[str, Tone]] = []
        for place, part in enumerate(chosen):
            # no gap after the last: it would be cut with an ellipsis where the line is full
            line += [(gap if place else "", Tone.NORMAL), (part.text, part.tone)]
        head = line_strip(((brand, Tone.STRONG),), len(brand), theme, background)
        mark_style = (
            Style.parse(f"bold {colours.badge_text} on {colours.badge}")
            if around.production
            else tone_style(theme, Tone.STRONG, background)
        )
        mark = Strip([Segment(f" {word} ", mark_style)])
        space = line_strip((), 2, theme, background)
        body_room = max(0, self.size.width - len(brand) - len(word) - 2 - 2 - len(clock) - 1)
        body = line_strip(tuple(line), body_room, theme, background)
        tail = line_strip(((clock + " ", Tone.STRONG),), len(clock) + 1, theme, background)
        return Strip.join([head, mark, space, body, tail]).crop_extend(0, self.size.width, None)


def _fitting(candidates: list[Part], room: int, gap: int) -> list[Part]:
    """Drop parts by priority until the rest fits; a long one of those that stay loses its beginning, since the
    names of contexts and identities differ at their end."""
    kept = list(candidates)
    while (excess := sum(width(p.text) + gap for p in kept) - gap - room) > 0:
        worst = max(kept, key=lambda p: p.priority)
        if worst.priority == 0:
            break
        room_left = width(worst.text) - excess
        if worst.priority <= SHORTENED and room_left >= SHORTEST:
            # no second time: what is still too long then goes, so that this ends whatever the characters' widths
            kept[kept.index(worst)] = Part(clip_start(worst.text, room_left), worst.tone, SHORTENED + 1)
        else:
            kept.remove(worst)
    return kept
