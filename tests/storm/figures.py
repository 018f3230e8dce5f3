"""What a storm has shown, and how it is told."""

from dataclasses import dataclass, field

from bench.figures import percentile

SHOWN_NOTES = 20


@dataclass
class Figures:
    """The figures of a storm; times in seconds."""

    seed: int
    seconds: float = 0.0
    clients: int = 0
    visitors: int = 0
    lines: int = 0
    deliveries: int = 0
    bytes: int = 0
    worker_kills: int = 0
    master_kills: int = 0
    early_kills: int = 0
    """Of these, masters that were killed before they were ready."""
    supervisor_kills: int = 0
    """Also guards in their place, and programs that were being made ready for it."""
    replaced: int = 0
    """Workers that have ended though nobody had killed them, and their clients had stayed."""
    deaf: list[float] = field(default_factory=list)
    """From the kill of the master until a client heard the next line it said, one each."""
    deaf_again: list[float] = field(default_factory=list)
    """The same where the next master was killed as well, meanwhile; from the first kill on."""
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    disconnected: int = 0
    garbled: int = 0
    unfinished: int = 0
    """Whether something was not over a minute after nobody was killed any more."""
    notices: int = 0
    """Lines from the server that were for one client alone."""
    unreceived: int = 0
    """Clients whose connection was ended before they were greeted, or refused."""
    excused: int = 0
    """Of what was lost or disconnected: what nobody but the killed master could have saved."""
    notes: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    """Who was killed when, but for workers."""

    @property
    def zeros(self) -> bool:
        """Whether nothing has happened that may not happen."""
        return not (
            self.lost
            or self.doubled
            or self.reordered
            or self.disconnected
            or self.garbled
            or self.replaced
            or self.unreceived
            or self.unfinished
        )

    def note(self, text: str) -> None:
        """Keep ``text`` to be shown."""
        if len(self.notes) < SHOWN_NOTES:
            self.notes.append(text)

    def __str__(self) -> str:
        seconds = self.seconds or 1
        began = (
            f"seed {self.seed}: {self.clients} clients and {self.visitors} visitors, "
            f"{self.seconds:.1f} s, {self.lines} lines, {self.deliveries} deliveries "
            f"({self.deliveries / seconds:.0f}/s, {self.bytes / seconds / 1e6:.1f} MB/s), "
            f"{self.worker_kills} workers and {self.master_kills} masters killed "
            f"({self.early_kills} of them before they were ready), "
            f"{self.supervisor_kills} supervisors"
        )
        zeros = (
            f"lost {self.lost}, doubled {self.doubled}, reordered {self.reordered}, "
            f"disconnected {self.disconnected}, garbled {self.garbled}, replaced {self.replaced}, "
            f"unreceived {self.unreceived}, unfinished {self.unfinished}"
            + f" ({self.excused} excused)"
            * bool(self.excused)
        )
        told = [
            began,
            *_deaf("deaf after the kill of a master", self.deaf),
            *_deaf("... and of the next one meanwhile", self.deaf_again),
            zeros,
            *(f"  {note}" for note in self.notes),
        ]
        return "\n".join(told)


def _deaf(what: str, times: list[float]) -> list[str]:
    if not times:
        return []
    p50, p99 = percentile(times, 50), percentile(times, 99)
    return [f"{what}: p50 {p50:.3f} s, p99 {p99:.3f} s, worst {max(times):.3f} s ({len(times)})"]
