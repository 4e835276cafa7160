"""One picture that shows what a dataset holds: pictures of its episodes, their lengths, tasks, and what was commanded.

    write_picture_page(open_dataset(folder).episodes, Path("page.png"))

The same episodes give the same bytes. Memory does not grow with their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.encoded_episode import EncodedEpisode

from .contact_sheet import TILE, first_and_last, spread
from .episode import Episode
from .sketch import VectorSketch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_SHOWN = 12
"""Episodes with pictures; of more, these are spread evenly."""
MAX_CAMERAS = 4
"""Cameras of an episode; two pictures of each fill the page's width."""
MAX_TASKS = 8
"""Lines of the panel of tasks; of more tasks, those with the most episodes have a bar."""
SKETCHES_AT_ONCE = 64
JOINT_LIMITS = {
    "franka_panda": (
        (-2.8973, 2.8973), (-1.7628, 1.7628), (-2.8973, 2.8973), (-3.0718, -0.0698), (-2.8973, 2.8973),
        (-0.0175, 3.7525), (-2.8973, 2.8973), (0.0, 0.04),
    ),
}  # fmt: skip
"""Robot -> (low, high) per joint, radians, and metres for the finger. Source: Franka's "Robot and interface
specifications"; the same as in the robot's model, which a test compares."""

DPI = 100
WIDTH = 1400
MARGIN = 24
GAP = 6
HEADER = 84
CAPTION = 38
PANEL = 250
ROW = 38
TITLE = 34
"""Pixels, all of them."""

INK = "#202124"
FAINT = "#5f6368"
GOOD = "#188038"
BAD = "#c5221f"
BAR = "#1967d2"
PALE = "#e8eaed"


def write_picture_page(
    episodes: Sequence[Episode], out: Path, *, title: str = "", attempts: Mapping[str, int] | None = None
) -> Path:
    """Writes the page as a PNG and returns its path. `attempts`: task -> episodes tried, for the share that succeeded;
    a task that was tried and never succeeded is among them.

    Raises:
        ValueError: no episode.
        VideoError: a video is damaged.
    """
    from matplotlib import style

    if not len(episodes):
        raise ValueError(f"{out}: no episode to show; give at least one")
    out.parent.mkdir(parents=True, exist_ok=True)
    with style.context("default"):  # a person's own settings would move things about
        figure = _drawn(episodes, title, attempts)
        # Without the entry, matplotlib writes its version into the file.
        figure.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
    return out


def _drawn(episodes: Sequence[Episode], title: str, attempts: Mapping[str, int] | None) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    documents = [episode.document for episode in episodes]
    shown = spread(episodes, MAX_SHOWN)
    pictures = [dict(list(first_and_last(episodes[i]).items())[:MAX_CAMERAS]) for i in shown]
    tiles = 2 * max(len(cameras) for cameras in pictures)
    columns = max(1, min(len(shown), (WIDTH - 2 * MARGIN + GAP) // max(1, tiles * (TILE + GAP))))
    tile_height = max((i.shape[0] for cameras in pictures for pair in cameras.values() for i in pair), default=0)
    cell = CAPTION + tile_height + 2 * GAP
    tasks = _tasks(documents, attempts)
    left_column = PANEL + 2 * TITLE + ROW * (len(tasks.rows) + bool(tasks.rest))
    panels = max(left_column, TITLE + ROW * len(documents[0].joint_names)) + MARGIN
    height = HEADER + -(-len(shown) // columns) * cell + panels + MARGIN

    figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    page = _Page(figure, height)
    _draw_header(page, documents, title, len(shown))
    pitch = (WIDTH - 2 * MARGIN) // columns
    for number, (index, cameras) in enumerate(zip(shown, pictures, strict=True)):
        left, top = MARGIN + number % columns * pitch, HEADER + number // columns * cell
        _draw_episode(page, left, top, pitch - 3 * GAP, index, documents[index], cameras)
    top = height - panels - MARGIN // 2
    half = (WIDTH - 3 * MARGIN) // 2
    _draw_lengths(page, MARGIN, top, half, documents)
    _draw_tasks(page, MARGIN, top + TITLE + PANEL, half, tasks)
    _draw_actions(page, WIDTH - MARGIN - half, top, half, panels, episodes)
    return figure


class _Page:
    """The figure in pixels from its upper left corner."""

    def __init__(self, figure: Figure, height: int) -> None:
        self.figure, self.height = figure, height
        self._renderer: Any = figure.canvas.get_renderer()  # type: ignore[attr-defined]

    def text(self, x: float, y: float, text: str, size: float, color: str = INK, **more: Any) -> None:
        """Text whose upper left corner is at (x, y). What LaTeX would take for a formula is left as it is."""
        place = (x / WIDTH, 1 - y / self.height)
        self.figure.text(*place, text, fontsize=size, color=color, va="top", parse_math=False, **more)

    def picture(self, x: int, y: int, image: NDArray[np.uint8]) -> None:
        """A picture, pixel by pixel."""
        self.figure.figimage(image, x, self.height - y - image.shape[0], origin="upper")

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes that fill a rectangle."""
        rectangle = (x / WIDTH, 1 - (y + height) / self.height, width / WIDTH, height / self.height)
        axes: Axes = self.figure.add_axes(rectangle)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.tick_params(labelsize=8, colors=FAINT)
        return axes

    def fit(self, text: str, size: float, width: float, weight: str = "normal") -> str:
        """The text in one line of so many pixels; of a longer one the middle is left out, since the ends tell tasks apart."""
        text = " ".join(text.split())
        if self._wide(text, size, weight) <= width:
            return text
        least, most = 0, len(text)  # characters that stay; the width grows with them
        while most - least > 1:
            middle = (least + most) // 2
            fits = self._wide(_shortened(text, middle), size, weight) <= width
            least, most = (middle, most) if fits else (least, middle)
        return _shortened(text, least)

    def _wide(self, text: str, size: float, weight: str) -> float:
        from matplotlib.font_manager import FontProperties

        width, _, _ = self._renderer.get_text_width_height_descent(
            text, FontProperties(size=size, weight=weight), False
        )
        return float(width)


def _shortened(text: str, kept: int) -> str:
    head = kept - kept // 3
    return f"{text[:head].rstrip()} … {text[len(text) - kept // 3 :].lstrip()}".rstrip()


def _draw_header(page: _Page, documents: Sequence[EncodedEpisode], title: str, shown: int) -> None:
    first = documents[0]
    frames = sum(document.frames for document in documents)
    cameras = ", ".join(
        f"{stream.rpartition('.')[2]}{' depth' if video.depth else ''} {video.width}x{video.height} {video.codec}"
        for stream, video in first.streams.items()
    )
    scenes = len({document.provenance.get("scene_id") for document in documents})
    facts = (
        f"{_count(len(documents), 'episode')}, {_count(frames, 'frame')}, {frames / first.fps / 60:.1f} min at {first.fps} Hz"
        f" · {_count(len({d.task for d in documents}), 'task')}, {_count(scenes, 'scene')} · robot {first.robot} · {cameras}"
    )
    page.text(
        MARGIN, 16, page.fit(title or "What is in this dataset", 15, WIDTH - 2 * MARGIN, "bold"), 15, fontweight="bold"
    )
    page.text(MARGIN, 42, page.fit(facts, 9.5, WIDTH - 2 * MARGIN), 9.5, FAINT)
    note = "First and last picture of each camera"
    if shown < len(documents):
        note += f"; {shown} of {len(documents)} episodes, evenly spread"
    page.text(MARGIN, 61, note, 8, FAINT)


def _draw_episode(
    page: _Page, left: int, top: int, width: int, index: int, document: EncodedEpisode, cameras: Mapping[str, Any]
) -> None:
    outcome, color = ("success", GOOD) if document.success else ("failed", BAD)
    detail = f"#{index} · {document.frames / document.fps:.1f} s · {', '.join(cameras)}"
    page.text(left, top, page.fit(document.task, 9, width), 9)
    page.text(left, top + 17, outcome, 8, color)
    page.text(left + 52, top + 17, page.fit(detail, 8, width - 52), 8, FAINT)
    x = left
    for pair in cameras.values():
        for image in pair:
            page.picture(x, top + CAPTION - 2, image)
            x += TILE + GAP


def _draw_lengths(page: _Page, left: int, top: int, width: int, documents: Sequence[EncodedEpisode]) -> None:
    from matplotlib.ticker import MaxNLocator

    page.text(left, top, "How long the episodes are", 11, fontweight="bold")
    seconds = np.array([document.frames / document.fps for document in documents])
    axes = page.axes(left + 44, top + TITLE, width - 44, PANEL - 70)
    if np.ptp(seconds) < 2 / documents[0].fps:  # all the same: one bar that can be seen
        axes.bar([seconds.mean()], [len(seconds)], width=0.2, color=BAR)
        axes.set_xlim(seconds.mean() - 2, seconds.mean() + 2)
    else:
        axes.hist(seconds, bins=int(np.clip(2 * np.sqrt(len(seconds)), 8, 40)), color=BAR, rwidth=0.92)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.set_ylabel("episodes", fontsize=8, color=FAINT)
    median = float(np.median(seconds))
    axes.set_xlabel(
        f"seconds (median {median:.1f}, {seconds.min():.1f} to {seconds.max():.1f})", fontsize=8, color=FAINT
    )


def _draw_tasks(page: _Page, left: int, top: int, width: int, tasks: _Tasks) -> None:
    page.text(left, top, tasks.title, 11, fontweight="bold")
    most = max(attempted or accepted for _, accepted, attempted in tasks.rows)
    length = width - 110
    for row, (task, accepted, attempted) in enumerate(tasks.rows):
        y = top + TITLE + row * ROW
        page.text(left, y, page.fit(task, 8.5, width), 8.5)
        axes = page.axes(left, y + 16, width, 14)
        axes.set_axis_off()
        axes.set_xlim(0, width)
        full = length * (attempted or accepted) / most
        axes.barh(0, full, height=1, color=PALE)
        axes.barh(0, length * accepted / most, height=1, color=BAR if attempted is None else GOOD)
        axes.text(full + 6, 0, _share(accepted, attempted), va="center", fontsize=8, color=FAINT)
    if tasks.rest:
        page.text(left, top + TITLE + len(tasks.rows) * ROW, tasks.rest, 8.5, FAINT)


def _draw_actions(page: _Page, left: int, top: int, width: int, height: int, episodes: Sequence[Episode]) -> None:
    document = episodes[0].document
    sketch = _action_sketch(episodes)
    quantiles = sketch.quantiles()
    limits = JOINT_LIMITS.get(document.robot, ())
    known = len(limits) == len(document.joint_names)
    span = limits if known else tuple(zip(sketch.min.tolist(), sketch.max.tolist(), strict=True))
    where = (
        "against the robot's limits (red: beyond them)" if known else "least to most (the robot's limits are not known)"
    )
    page.text(left, top, f"Commanded positions, {where}", 11, fontweight="bold")
    legend = "radians, gripper metres · line: least to most · bar: 1 % to 99 % · tick: median · numbers: all five"
    page.text(left, top + 18, legend, 8, FAINT)
    pitch = int(np.clip((height - TITLE) / len(document.joint_names), ROW, 1.5 * ROW))
    for row, name in enumerate(document.joint_names):
        low, high = span[row]
        y = top + TITLE + 8 + row * pitch
        numbers = [sketch.min[row], *(quantiles[q][row] for q in ("q01", "q50", "q99")), sketch.max[row]]
        page.text(left, y, page.fit(name, 8.5, 190), 8.5)
        page.text(left, y + 16, "  ".join(f"{value:.3f}" for value in numbers), 7, FAINT)
        page.text(left + 200, y + 2, f"{low:.3g}", 8, FAINT)
        page.text(left + width - 44, y + 2, f"{high:.3g}", 8, FAINT)
        axes = page.axes(left + 248, y, width - 300, 16)
        axes.set_axis_off()
        axes.set_ylim(-1, 1)
        axes.set_xlim(low, high if high > low else low + 1)
        axes.axvspan(*axes.get_xlim(), color=PALE, lw=0)
        # Float32 rounds a limit by up to 2e-7; what is beyond is drawn red, up to the limit.
        color = BAD if known and (numbers[0] < low - 1e-6 or numbers[-1] > high + 1e-6) else BAR
        axes.plot([numbers[0], numbers[-1]], [0, 0], color=color, lw=1.5)
        axes.plot([numbers[1], numbers[3]], [0, 0], color=color, lw=7, solid_capstyle="butt")
        axes.plot([numbers[2]] * 2, [-0.9, 0.9], color=INK, lw=1.5)


def _action_sketch(episodes: Sequence[Episode]) -> VectorSketch:
    parts: list[VectorSketch] = []
    for episode in episodes:
        parts.append(VectorSketch.of(episode.arrays()[1]))
        if len(parts) == SKETCHES_AT_ONCE:
            parts = [VectorSketch.merged(parts)]
    return VectorSketch.merged(parts)


@dataclass(frozen=True)
class _Tasks:
    """What the panel says: rows of (task, accepted, attempted), and a line about the others."""

    title: str
    rows: list[tuple[str, int, int | None]]
    rest: str


def _tasks(documents: Sequence[EncodedEpisode], attempts: Mapping[str, int] | None) -> _Tasks:
    accepted = Counter(document.task for document in documents)
    tried: dict[str, int | None] = dict.fromkeys(accepted, None)
    title = "Episodes by task"
    if attempts is not None:
        title = "Success by task"
        tried = {task: max(attempts.get(task, 0), accepted[task]) for task in {**accepted, **attempts}}
    elif all(document.success for document in documents):
        title += ", all of them successful"
    names = sorted(tried, key=lambda task: (-accepted[task], task))
    rows = [(name, accepted[name], tried[name]) for name in names]
    shown, left = (rows, []) if len(rows) <= MAX_TASKS else (rows[: MAX_TASKS - 1], rows[MAX_TASKS - 1 :])
    together = None if attempts is None else sum(attempted or 0 for _, _, attempted in left)
    rest = f"{_count(len(left), 'more task')}: {_share(sum(n for _, n, _ in left), together)}" if left else ""
    return _Tasks(title, shown, rest)


def _share(accepted: int, attempted: int | None) -> str:
    return f"{accepted:,}" if not attempted else f"{accepted:,} of {attempted:,} ({accepted / attempted:.0%})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
