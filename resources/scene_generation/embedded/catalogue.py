"""What can be asked for: the household catalogue's words and sizes, and the shape that is built for each of its categories.

Sizes are (width, depth, height) in metres, as the thing stands or lies, and come from `blueprint_assets.household`, each with its
source. What that catalogue lacks has a row of its own with its size. A category without a shape here is not understood, rather
than stood in for by something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from blueprint_assets.household import find, is_plural, names_of

from . import furniture as f
from . import goods as g
from . import tools as t
from . import vessels as v
from .solids import Color, Paint, Shape, Size

Builder = Callable[[Size, Paint, dict[str, float]], Shape]
Level = Literal["thing", "floor", "wall"]
"""Where it is when nobody says: on a table or another furniture; on the floor; on the floor against the wall."""

WOOD, OAK, PINE = (0.62, 0.44, 0.28), (0.62, 0.46, 0.3), (0.78, 0.62, 0.42)
STEEL, CARD, WHITE, DARK = (0.7, 0.71, 0.73), (0.68, 0.52, 0.35), (0.9, 0.9, 0.89), (0.16, 0.16, 0.17)
GREEN, BROWN = (0.35, 0.55, 0.2), (0.55, 0.38, 0.22)


@dataclass(frozen=True)
class Kind:
    """One category. `grows`: a larger one may be taken when what is put on or in it does not fit. `portable`: it may be put on
    other things; furniture may not."""

    category: str
    size: Size
    build: Builder
    paint: Paint
    level: Level
    portable: bool
    grows: bool
    source: str
    options: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Look:
    names: str
    build: Builder
    color: Color
    grain: str = "plain"
    grows: bool = False
    level: Level | None = None
    options: dict[str, float] = field(default_factory=dict)


_PORTABLE = (
    _Look("mug|measuring cup", v.mug, (0.87, 0.85, 0.8)),
    _Look("cup", v.cup, (0.9, 0.88, 0.84)),
    _Look("glass", v.glass, (0.75, 0.85, 0.88)),
    _Look("pencil holder", v.glass, (0.25, 0.26, 0.3), "metal"),
    _Look("wine glass", v.wine_glass, (0.8, 0.87, 0.9)),
    _Look("bowl|mixing bowl", v.bowl, (0.3, 0.5, 0.62), grows=True),
    _Look("plate|saucer|frisbee", v.saucer, (0.93, 0.92, 0.9), grows=True),
    _Look("bottle|wine bottle|beer bottle|squeeze bottle", v.bottle, (0.16, 0.36, 0.2)),
    _Look("thermos|cocktail shaker|pill bottle", v.bottle, STEEL, "metal"),
    _Look("spray can|can", v.can, (0.76, 0.14, 0.13)),
    _Look("jar", v.jar, (0.72, 0.25, 0.16)),
    _Look("vase", v.vase, (0.26, 0.42, 0.55)),
    _Look("pot", v.pot, STEEL, "metal", grows=True),
    _Look("pan|wok", v.pan, DARK, "metal", grows=True),
    _Look("kettle|coffee pot", v.kettle, STEEL, "metal"),
    _Look("teapot", v.kettle, (0.86, 0.82, 0.74)),
    _Look("jug", v.pitcher, (0.7, 0.8, 0.85)),
    _Look("basket|hamper", v.basket, (0.66, 0.48, 0.28), "woven", grows=True),
    _Look("tray", v.tray, WOOD, "wood", grows=True),
    _Look("bucket", v.bucket, (0.2, 0.4, 0.66), grows=True),
    _Look("trash can", v.bucket, (0.35, 0.36, 0.38), grows=True),
    _Look("flower pot", v.bucket, (0.7, 0.36, 0.22), grows=True),
    _Look("crate", v.open_box, WOOD, "wood", grows=True, options={"wall": 0.015}),
    _Look("tub", v.open_box, (0.3, 0.42, 0.6), grows=True),
    _Look("tape|donut", v.tape, (0.72, 0.6, 0.4)),
    _Look("toilet paper|paper towel", v.tape, (0.95, 0.94, 0.92)),
    _Look("rolling pin", v.rolling, WOOD, "wood"),
    _Look("torch|battery|glue stick", v.rolling, (0.2, 0.22, 0.25), "metal"),
    _Look("carrot", v.rolling, (0.92, 0.48, 0.14)),
    _Look("cucumber", v.rolling, (0.25, 0.48, 0.2)),
    _Look("plant", v.plant, (0.7, 0.36, 0.22)),
    _Look("box", g.carton_box, CARD, grows=True),
    _Look("cereal box|cracker box", g.package, (0.85, 0.6, 0.16)),
    _Look("tissue box|small box|pencil case", g.package, (0.35, 0.5, 0.6)),
    _Look("egg carton|lunch box", g.package, (0.6, 0.6, 0.58)),
    _Look("milk carton", g.milk_carton, (0.3, 0.5, 0.78)),
    _Look("book", g.book, (0.5, 0.16, 0.18)),
    _Look("notebook", g.book, (0.16, 0.3, 0.46)),
    _Look("binder", g.book, (0.2, 0.36, 0.26)),
    _Look("block", g.block, (0.84, 0.66, 0.2)),
    _Look("sponge", g.block, (0.93, 0.8, 0.25), "speckled"),
    _Look("soap|eraser", g.block, (0.88, 0.74, 0.76)),
    _Look("cheese", g.block, (0.94, 0.78, 0.32), "speckled"),
    _Look("hard drive|router|wallet", g.block, DARK),
    _Look("speaker", g.block, (0.3, 0.22, 0.16), "wood"),
    _Look("ball|basketball", g.sphere, (0.85, 0.35, 0.15)),
    _Look("tennis ball", g.sphere, (0.78, 0.85, 0.25)),
    _Look("baseball|golf ball|ping-pong ball|football", g.sphere, (0.93, 0.93, 0.9)),
    _Look("apple|pomegranate", g.fruit, (0.74, 0.12, 0.12), "speckled"),
    _Look("orange|pumpkin", g.fruit, (0.92, 0.5, 0.1), "speckled"),
    _Look("peach", g.fruit, (0.93, 0.6, 0.42), "speckled"),
    _Look("plum", g.fruit, (0.4, 0.14, 0.32)),
    _Look("tomato", g.fruit, (0.8, 0.15, 0.1)),
    _Look("onion|garlic", g.fruit, (0.76, 0.6, 0.4), "striped"),
    _Look("cabbage|cauliflower", g.fruit, (0.6, 0.75, 0.42), "speckled"),
    _Look("pear", g.fruit, (0.68, 0.72, 0.25), "speckled", options={"taper": 1.0}),
    _Look("lemon", g.long_fruit, (0.94, 0.83, 0.2), "speckled"),
    _Look("potato|squash", g.long_fruit, (0.72, 0.56, 0.34), "speckled"),
    _Look("melon|watermelon|avocado", g.long_fruit, GREEN, "striped"),
    _Look("eggplant", g.long_fruit, (0.28, 0.12, 0.3)),
    _Look("egg", g.long_fruit, (0.92, 0.82, 0.7)),
    _Look("bread|baguette", g.long_fruit, (0.72, 0.5, 0.28), "speckled"),
    _Look("banana", g.banana, (0.93, 0.8, 0.22)),
    _Look("cookie|bagel|pizza|cake", v.disc, (0.76, 0.54, 0.3), "speckled"),
    _Look("coaster", v.disc, BROWN, "wood"),
    _Look("laptop", g.laptop, (0.6, 0.61, 0.63), "metal"),
    _Look("monitor|television", g.screen, (0.14, 0.14, 0.15)),
    _Look("keyboard", g.keyboard, (0.2, 0.2, 0.22)),
    _Look("mouse", g.mouse, (0.2, 0.2, 0.22)),
    _Look("phone|tablet|remote|calculator", g.slab, (0.26, 0.27, 0.3)),
    _Look("scale", g.slab, (0.8, 0.81, 0.82)),
    _Look("clock", g.clock, (0.7, 0.2, 0.18)),
    _Look("lamp", g.table_lamp, (0.92, 0.87, 0.72)),
    _Look("toaster", g.toaster, STEEL, "metal"),
    _Look("microwave|printer|radio|projector", g.microwave, (0.82, 0.82, 0.83)),
    _Look("soap dispenser", g.dispenser, (0.55, 0.75, 0.7)),
    _Look("salt shaker", g.shaker, (0.88, 0.87, 0.84)),
    _Look("candle", g.candle, (0.93, 0.9, 0.8)),
    _Look("shoe", g.shoe, (0.3, 0.32, 0.36), level="floor"),
    _Look("pen|pencil|marker", g.pen, (0.14, 0.2, 0.5)),
    _Look("chopstick|ruler", t.board, WOOD, "wood"),
    _Look("screwdriver", t.screwdriver, (0.8, 0.25, 0.1)),
    _Look("hammer", t.hammer, WOOD, "wood"),
    _Look("wrench", t.wrench, STEEL, "metal"),
    _Look("scissors", t.scissors, (0.78, 0.16, 0.14)),
    _Look("knife|cleaver", t.knife, DARK),
    _Look("spoon", t.spoon, STEEL, "metal"),
    _Look("wooden spoon", t.spoon, WOOD, "wood"),
    _Look("fork", t.fork, STEEL, "metal"),
    _Look("spatula", t.spatula, (0.2, 0.2, 0.21)),
    _Look("paintbrush|toothbrush|hair brush", t.brush, WOOD, "wood"),
    _Look("toolbox", t.toolbox, (0.74, 0.15, 0.13)),
    _Look("cutting board", t.board, WOOD, "wood", grows=True),
    _Look("place mat", t.board, (0.36, 0.42, 0.35), "woven"),
    _Look("towel|napkin|envelope|newspaper", t.board, (0.85, 0.86, 0.84)),
)
_FURNITURE = (
    _Look("table|coffee table|side table|console table", f.table, OAK, "wood", grows=True),
    _Look("bench", f.table, PINE, "wood"),
    _Look("counter", f.counter, WHITE, grows=True, level="wall"),
    _Look("desk", f.desk, PINE, "wood", grows=True, level="wall"),
    _Look("shelf|bookcase", f.shelf, PINE, "wood", grows=True, level="wall"),
    _Look("cabinet|tv stand", f.cabinet, OAK, "wood", grows=True, level="wall"),
    _Look("wardrobe", f.cabinet, OAK, "wood", level="wall", options={"drawers": 0, "doors": 2}),
    _Look("dresser|filing cabinet", f.cabinet, OAK, "wood", grows=True, level="wall", options={"drawers": 4, "doors": 0}),
    _Look("nightstand", f.cabinet, OAK, "wood", level="wall", options={"drawers": 2, "doors": 0}),
    _Look("fridge", f.fridge, WHITE, level="wall"),
    _Look("stove|oven", f.stove, (0.85, 0.85, 0.86), "metal", level="wall"),
    _Look("dishwasher|washing machine", f.appliance, WHITE, level="wall"),
    _Look("chair|office chair", f.chair, OAK, "wood"),
    _Look("stool", f.table, OAK, "wood"),
    _Look("sofa", f.sofa, (0.36, 0.42, 0.48), "woven", level="wall"),
    _Look("armchair", f.sofa, (0.5, 0.34, 0.26), "woven"),
    _Look("bed", f.bed, OAK, "wood", level="wall"),
    _Look("floor lamp", g.table_lamp, (0.92, 0.87, 0.74)),
    _Look("pallet", f.pallet, PINE, "wood"),
    _Look("chest", g.block, OAK, "wood", level="wall"),
)  # fmt: skip
_CAN = _Look("", v.can, (0.76, 0.14, 0.13))
_OWN: tuple[tuple[str, str, Size, _Look, str], ...] = (
    # One size of those that the household catalogue's mean is made of, and one that the hand can hold.
    ("can", "can|soda can|beer can|drink can|cola can|coke can", (0.066, 0.066, 0.115), _CAN, "330 ml drink can"),
    ("can", "tin can|tin|soup can|food can", (0.068, 0.068, 0.101), _CAN, "No. 1 food can, Can Manufacturers Institute"),
    ("apple", "apple", (0.07, 0.07, 0.065), _Look("", g.fruit, (0.74, 0.12, 0.12), "speckled"),
     "between the trade's calibres 65/70 and 70/75 mm"),
    ("orange", "orange", (0.07, 0.07, 0.068), _Look("", g.fruit, (0.92, 0.5, 0.1), "speckled"),
     "of the smaller usual grades, which begin at 67 mm"),
    ("bowl", "fruit bowl|salad bowl", (0.28, 0.28, 0.1), _PORTABLE[5], "usual retail size, own choice"),
    ("block", "brick", (0.24, 0.115, 0.071), _Look("", g.block, (0.62, 0.28, 0.2), "speckled"), "DIN 105 normal format"),
    ("desk", "workbench|work bench|workshop bench|work table", (1.6, 0.7, 0.88),
     _Look("", f.table, PINE, "wood", grows=True, level="wall"), "usual retail size, own choice"),
    ("shelf", "pallet rack|warehouse rack|warehouse shelf|large shelf", (1.8, 0.6, 2.0),
     _Look("", f.shelf, (0.5, 0.52, 0.55), "metal", grows=True, level="wall", options={"boards": 4}), "own choice"),
)  # fmt: skip


def _row(category: str, size: Size, look: _Look, source: str, portable: bool, stands: str) -> Kind:
    level = look.level or ("thing" if portable and stands == "top" else "floor")
    return Kind(
        category, size, look.build, Paint(look.color, look.grain), level, portable, look.grows, source, look.options
    )


@cache
def nouns() -> dict[str, tuple[Kind, bool]]:
    """Every word or phrase, singular or plural -> what it names, and whether it is a plural."""
    found: dict[str, tuple[Kind, bool]] = {}
    for looks, portable in ((_PORTABLE, True), (_FURNITURE, False)):
        for look in looks:
            for name in look.names.split("|"):
                row = find(name)
                if row is None:
                    raise LookupError(f"{name!r} has a shape, but the household catalogue does not know it")
                kind = _row(row.name, row.size, look, row.source, portable, row.stands)
                for word in names_of(row):
                    found[word] = (kind, is_plural(word))
    for category, words, size, look, source in _OWN:
        kind = _row(category, size, look, source, look.level is None, "top")
        for word in words.split("|"):
            found[word] = (kind, False)
            found[f"{word}s" if not word.endswith(("ch", "x")) else f"{word}es"] = (kind, True)
    return found


@cache
def kinds() -> dict[str, Kind]:
    """Every category with a shape; of several rows the household catalogue's."""
    found: dict[str, Kind] = {}
    for kind, _ in nouns().values():
        found.setdefault(kind.category, kind)
    return found
