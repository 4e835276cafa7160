"""The index of an mp4 with one video track, read and written here: so that joining videos copies runs of bytes.

Boxes and tables are those of ISO/IEC 14496-12 (ISO base media file format); what is inside a sample entry is left as the
encoder's muxer wrote it. A packet is a sample: its bytes in the file are what a demuxer gives. Nothing is trusted: every
size and count is checked against the file before it is used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

LARGEST_INDEX = 1 << 28
"""Bytes: a `moov` box over this is refused; at 16 bytes a packet it would index 16 million packets."""
COARSEST_TICK = 10_000
"""Ticks a second, at least: FFmpeg doubles the frame rate until it is there, and so the times equal those it writes."""
ENTRY_HEADER = 86
"""Bytes of a visual sample entry before the boxes inside it (14496-12, 12.1.3)."""
CODEC_BOXES = (b"avcC", b"av1C", b"hvcC", b"vpcC")
BLOCK = 1 << 20
_U32 = (1 << 32) - 1


class VideoError(ValueError):
    """A video cannot be written, read or joined. The message names the file, what was found and what was expected."""


@dataclass(frozen=True)
class Format:
    """How a track is encoded. `entry`: the sample entry box; `setup`: the codec's own box in it, what a decoder needs."""

    codec: str
    width: int
    height: int
    setup: bytes
    entry: bytes

    def fits(self, other: Format) -> bool:
        """Whether packets of both can stand in one track."""
        return (self.codec, self.width, self.height, self.setup) == (
            other.codec,
            other.width,
            other.height,
            other.setup,
        )

    def __str__(self) -> str:
        return f"{self.codec} {self.width}x{self.height} with a {len(self.setup)}-byte setup"


@dataclass(frozen=True)
class Track:
    """The packets of a file's first video track, in decoding order. Per packet: bytes, place in the file, presentation
    time in ticks of 1/`timescale` s, and whether it is a key frame."""

    path: Path
    format: Format
    timescale: int
    sizes: Int64
    offsets: Int64
    times: Int64
    keys: NDArray[np.bool_]

    def runs(self, first: int, frames: int) -> Iterator[tuple[int, int]]:
        """(place, length) of the stretches of the file that hold these packets, in order."""
        part = slice(first, first + frames)
        offsets, ends = self.offsets[part], self.offsets[part] + self.sizes[part]
        breaks = [0, *(np.flatnonzero(offsets[1:] != ends[:-1]) + 1).tolist(), frames]
        for start, stop in pairwise(breaks):
            yield int(offsets[start]), int(ends[stop - 1] - offsets[start])

    def blocks(self, file: BinaryIO, first: int, frames: int) -> Iterator[bytes]:
        """The bytes of these packets, read from the open file, at most a megabyte at a time.

        Raises:
            VideoError: the file ends before.
        """
        for place, length in self.runs(first, frames):
            file.seek(place)
            while length:
                block = file.read(min(length, BLOCK))
                if not block:
                    raise VideoError(f"{self.path}: ends {length} bytes before its packets do")
                length -= len(block)
                yield block


def read_track(path: Path) -> Track:
    """Reads the index of an mp4.

    Raises:
        VideoError: the file is missing, is no mp4, holds no video track, or its index is damaged or of a kind that is not
            joined here (fragments, several encodings, an edit list that hides frames).
    """
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            return _track(path, _movie(file, length), length)
    except (OSError, struct.error, _DamagedError) as error:
        raise VideoError(f"{path}: cannot be opened as a video: {error}") from error


def write_track(
    out: Path,
    form: Format,
    fps: int,
    sizes: Int64,
    keys: NDArray[np.bool_],
    chunks: Sequence[int],
    packets: Iterable[bytes],
) -> None:
    """Writes an mp4 of one video track, its index first (faststart): packet k is shown at k / fps.

    `chunks`: how many packets stand in each stretch of the file; `packets`: their bytes, in blocks of any size.

    Raises:
        VideoError: more packets than one file's clock can count, or not as many bytes as `sizes` says.
    """
    timescale = fps
    while timescale < COARSEST_TICK:
        timescale *= 2
    tick = timescale // fps
    if len(sizes) * tick > _U32:
        raise VideoError(f"{out}: {len(sizes)} frames are too many for one file; begin the next one earlier")
    total = int(sizes.sum())
    starts = np.concatenate([[0], np.cumsum(np.asarray(chunks, np.int64))[:-1]])
    places = np.concatenate([[0], np.cumsum(sizes)])[starts]

    def index(begin: int) -> bytes:
        offsets = places + begin
        wide = bool(offsets[-1] > _U32)
        table = _full(
            b"co64" if wide else b"stco", _u32(len(offsets)) + offsets.astype(">u8" if wide else ">u4").tobytes()
        )
        return _moov(form, timescale, tick, sizes, keys, chunks, table)

    brand = form.entry[4:8]
    front = _box(b"ftyp", b"isom" + _u32(0x200) + b"isomiso2" + brand + b"mp41")
    mdat = _u32(total + 8) + b"mdat" if total + 8 <= _U32 else _u32(1) + b"mdat" + struct.pack(">Q", total + 16)
    begin = len(front) + len(index(0)) + len(mdat)
    begin = len(front) + len(index(begin)) + len(mdat)  # a second time: the place decides how wide places are written
    with out.open("wb") as file:
        file.write(front + index(begin) + mdat)
        for block in packets:
            file.write(block)
        if file.tell() != begin + total:
            raise VideoError(f"{out}: {file.tell() - begin} bytes of packets were given, expected {total}")


class _DamagedError(ValueError):
    """The file is not what its boxes say."""


def _movie(file: BinaryIO, length: int) -> bytes:
    """The body of the `moov` box."""
    at = 0
    while at + 8 <= length:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        elif size == 0:
            size = length - at
        if size < header or at + size > length:
            raise _DamagedError(f"its {kind!r} box at byte {at} is {size} bytes long, the file {length}")
        if kind == b"moov":
            if size > LARGEST_INDEX:
                raise _DamagedError(f"its index is {size} bytes long; expected at most {LARGEST_INDEX}")
            return file.read(size - header)
        at += size
    raise _DamagedError("it has no index (no moov box): it is no mp4, or was never finished")


def _boxes(data: bytes) -> dict[bytes, list[bytes]]:
    """The boxes inside another one's body, by kind."""
    found: dict[bytes, list[bytes]] = {}
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise _DamagedError(f"a box {kind!r} of {size} bytes stands in one of {len(data)}")
        found.setdefault(kind, []).append(data[at + 8 : at + size])
        at += size
    return found


def _inside(data: bytes, *path: bytes) -> bytes:
    """The body of the first box at a path of kinds."""
    for kind in path:
        inner = _boxes(data).get(kind)
        if not inner:
            raise _DamagedError(f"its index lacks the box {kind.decode('latin-1')}")
        data = inner[0]
    return data


def _table(data: bytes, kind: bytes, dtype: str = ">u4", columns: int = 1, skip: int = 0) -> Int64:
    """The entries of a table box, shape (columns, entries): version and flags, `skip` bytes, a count, then the entries."""
    body = _inside(data, kind)
    (count,) = struct.unpack_from(">I", body, 4 + skip)
    if 8 + skip + count * columns * np.dtype(dtype).itemsize > len(body):
        raise _DamagedError(f"its table {kind.decode('latin-1')} has {count} entries but only {len(body)} bytes")
    values = np.frombuffer(body, dtype, count * columns, 8 + skip)
    columnwise: Int64 = values.astype(np.int64).reshape(count, columns).T
    return columnwise


def _track(path: Path, movie: bytes, length: int) -> Track:
    boxes = _boxes(movie)
    if b"mvex" in boxes:
        raise VideoError(f"{path}: is fragmented; write it as one mp4 (ffmpeg -c copy)")
    tracks = [track for track in boxes.get(b"trak", []) if _inside(track, b"mdia", b"hdlr")[8:12] == b"vide"]
    if not tracks:
        raise VideoError(f"{path}: holds no video stream")
    table = _inside(tracks[0], b"mdia", b"minf", b"stbl")
    clock = _inside(tracks[0], b"mdia", b"mdhd")
    (timescale,) = struct.unpack_from(">I", clock, 20 if clock[:1] == b"\1" else 12)
    sizes = _sizes(table, length)
    offsets = _offsets(table, sizes)
    if len(sizes) and (int(offsets.min()) < 0 or int((offsets + sizes).max()) > length):
        raise _DamagedError(f"its packets reach to byte {int((offsets + sizes).max())}, the file is {length} long")
    keys = np.ones(len(sizes), np.bool_)
    if b"stss" in _boxes(table):
        marked = _table(table, b"stss")[0] - 1
        if len(marked) and (marked.min() < 0 or marked.max() >= len(sizes)):
            raise _DamagedError("a key frame is none of its packets")
        keys[:] = False
        keys[marked] = True
    times = _times(table, len(sizes)) - _edit(path, tracks[0])
    return Track(path, _format(path, table), timescale, sizes, offsets, times, keys)


def _sizes(table: bytes, length: int) -> Int64:
    body = _inside(table, b"stsz")
    size, count = struct.unpack_from(">II", body, 4)
    if not size:
        listed: Int64 = _table(table, b"stsz", skip=4)[0]
        return listed
    if size * count > length or count > LARGEST_INDEX // 16:
        raise _DamagedError(f"{count} packets of {size} bytes do not fit into {length}")
    return np.full(count, size, np.int64)


def _offsets(table: bytes, sizes: Int64) -> Int64:
    wide = b"co64" in _boxes(table)
    places = _table(table, b"co64", ">i8")[0] if wide else _table(table, b"stco")[0]
    first, per_chunk, entry = _table(table, b"stsc", columns=3)
    if (entry != 1).any():
        raise _DamagedError("its packets are encoded in several ways")
    spans = np.diff(np.append(first, len(places) + 1))
    if len(places) and (len(first) == 0 or first[0] != 1 or (spans < 1).any() or (per_chunk > len(sizes)).any()):
        raise _DamagedError("its chunks do not follow each other")
    counts = np.repeat(per_chunk, spans) if len(places) else np.empty(0, np.int64)
    if int(counts.sum()) != len(sizes):
        raise _DamagedError(f"its chunks hold {int(counts.sum())} packets, its table of sizes {len(sizes)}")
    before = np.cumsum(sizes) - sizes
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)[: len(counts)]
    used = counts > 0
    offsets: Int64 = np.repeat(places[used] - before[begins[used]], counts[used]) + before
    return offsets


def _times(table: bytes, count: int) -> Int64:
    """Presentation times in ticks, before the edit list."""

    def spread(kind: bytes) -> Int64:
        # Signed: an offset may be (ctts, version 1); no packet lasts 2^31 ticks.
        often, value = _table(table, kind, ">i4", columns=2)
        if (often < 0).any() or int(often.sum()) != count:
            raise _DamagedError(f"its table {kind.decode('latin-1')} times {int(often.sum())} packets of {count}")
        return np.repeat(value, often)

    steps = spread(b"stts")
    times = np.cumsum(steps) - steps
    return times + spread(b"ctts") if b"ctts" in _boxes(table) else times


def _edit(path: Path, track: bytes) -> int:
    """The presentation time, in ticks, at which the film begins."""
    edits = _boxes(track).get(b"edts")
    if not edits:
        return 0
    body = _inside(edits[0], b"elst")
    (count,) = struct.unpack_from(">I", body, 4)
    start, rate = struct.unpack_from(*((">8xqi", body, 8) if body[:1] == b"\1" else (">4xii", body, 8)))
    if count != 1 or start < 0 or rate != 1 << 16:
        raise VideoError(f"{path}: its edit list hides or repeats frames; write it again without one")
    return int(start)


def _format(path: Path, table: bytes) -> Format:
    body = _inside(table, b"stsd")
    (count,) = struct.unpack_from(">I", body, 4)
    entries = _boxes(body[8:])
    if count != 1 or [len(alike) for alike in entries.values()] != [1]:
        raise VideoError(f"{path}: its packets are encoded in {count} ways; encode it again in one")
    ((kind, (content,)),) = entries.items()
    width, height = struct.unpack_from(">HH", content, 24)
    inner = _boxes(content[ENTRY_HEADER - 8 :])
    setup = b"".join(inner[name][0] for name in CODEC_BOXES if name in inner)
    # Bit rates belong to the file that they were measured on.
    kept = b"".join(_box(name, part) for name, parts in inner.items() if name != b"btrt" for part in parts)
    return Format(kind.decode("latin-1"), width, height, setup, _box(kind, content[: ENTRY_HEADER - 8] + kept))


def _moov(
    form: Format, timescale: int, tick: int, sizes: Int64, keys: NDArray[np.bool_], chunks: Sequence[int], places: bytes
) -> bytes:
    duration = len(sizes) * tick
    matrix = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    mvhd = _u32(0, 0, timescale, duration, 1 << 16) + struct.pack(">H10x", 0x100) + matrix + bytes(24) + _u32(2)
    tkhd = _u32(0, 0, 1, 0, duration) + bytes(16) + matrix + _u32(form.width << 16, form.height << 16)
    mdhd = _u32(0, 0, timescale, duration) + struct.pack(">HH", 0x55C4, 0)  # 0x55C4: language "und"
    hdlr = _u32(0) + b"vide" + bytes(12) + b"VideoHandler\0"
    counts = np.asarray(chunks, np.int64)
    changes = np.flatnonzero(np.diff(counts, prepend=-1))
    stsc = np.stack([changes + 1, counts[changes], np.ones(len(changes), np.int64)], axis=1)
    tables = [
        _full(b"stsd", _u32(1) + form.entry),
        _full(b"stts", _u32(1, len(sizes), tick)),
        _full(b"stsc", _u32(len(stsc)) + stsc.astype(">u4").tobytes()),
        _full(b"stsz", _u32(0, len(sizes)) + sizes.astype(">u4").tobytes()),
        places,
    ]
    if not keys.all():
        marked = np.flatnonzero(keys) + 1
        tables.insert(2, _full(b"stss", _u32(len(marked)) + marked.astype(">u4").tobytes()))
    # Everything is in this file: a data reference with the flag "self-contained".
    dinf = _box(b"dinf", _full(b"dref", _u32(1) + _full(b"url ", b"", flags=1)))
    minf = _box(b"minf", _full(b"vmhd", bytes(8), flags=1) + dinf + _box(b"stbl", b"".join(tables)))
    mdia = _box(b"mdia", _full(b"mdhd", mdhd) + _full(b"hdlr", hdlr) + minf)
    trak = _box(b"trak", _full(b"tkhd", tkhd, flags=3) + mdia)  # 3: enabled, in the movie
    return _box(b"moov", _full(b"mvhd", mvhd) + trak)


def _box(kind: bytes, body: bytes) -> bytes:
    return _u32(len(body) + 8) + kind + body


def _full(kind: bytes, body: bytes, flags: int = 0) -> bytes:
    return _box(kind, _u32(flags) + body)


def _u32(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)
