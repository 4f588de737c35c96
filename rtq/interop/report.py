"""What an import or export could carry: exact, approximated and dropped, one line each."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Report:
    """Result lists of one import or export.

    Attributes:
      exact: settings carried over unchanged. What the other program makes of the same number is that program's.
      approximated: settings that arrive changed, or that the other program is known to render differently, and why.
      dropped: what is lost, and why.
    """

    exact: tuple[str, ...] = ()
    approximated: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """The report for people: one line an entry, the losses first."""
        return (*(f"dropped       {line}" for line in self.dropped),
                *(f"approximated  {line}" for line in self.approximated),
                *(f"exact         {line}" for line in self.exact))

    def to_dict(self) -> dict[str, list[str]]:
        """The report as plain lists, for JSON."""
        return {"exact": list(self.exact), "approximated": list(self.approximated), "dropped": list(self.dropped)}


class Notes:
    """Collects lines while a conversion runs; `report()` freezes them in order, each once."""

    def __init__(self):
        self._exact: list[str] = []
        self._approximated: list[str] = []
        self._dropped: list[str] = []

    def exact(self, what: str, value) -> None:
        """Notes `what` as carried unchanged with `value`."""
        self._exact.append(f"{what}: {show(value)}")

    def approximated(self, what: str, reason: str) -> None:
        """Notes `what` as carried with a change."""
        self._approximated.append(f"{what}: {reason}")

    def dropped(self, what: str, reason: str) -> None:
        """Notes `what` as lost."""
        self._dropped.append(f"{what}: {reason}")

    def extend(self, other: "Notes") -> None:
        """Adds another's lines after one's own."""
        self._exact += other._exact
        self._approximated += other._approximated
        self._dropped += other._dropped

    def report(self) -> Report:
        """The frozen lists."""
        return Report(*(tuple(dict.fromkeys(x)) for x in (self._exact, self._approximated, self._dropped)))


def show(value, limit: int = 60) -> str:
    """A value in one short printable line: "+0.35", "-10", "Adobe Color", "a list of 4"."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, (int, float)):
        return f"{value:+g}" if value else "0"
    if isinstance(value, dict):
        return f"a structure of {len(value)}"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)[: 4 * limit]).split())
    return text if len(text) <= limit else text[: limit - 3] + "..."
