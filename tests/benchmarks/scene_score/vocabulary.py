"""When two category names mean the same thing: loose groups of household words, the last word, the longest phrase.

A name belongs to the groups of the longest known phrases in it; a phrase may stand in several groups. Two names agree when
they are equal, share a group, or end in the same word ("soda can", "tin can").
"""

from __future__ import annotations

import re

SURFACES = """
background, backsplash, baseboard, carpet, ceiling, counter, countertop, desk, floor, ground, plane, room, rug, scene
shell, shell, support, support surface, surface, table, table top, tablecloth, tabletop, wall, window, worktop
"""
"""Names of what things stand on or before; a predicted one is no object, unless the truth has an object of that name."""

GROUPS = """
mug, cup, coffee mug, coffee cup, tea cup, teacup, plastic cup, tumbler, glass, beaker, drinking cup, espresso cup, \
cup and saucer
can, soda can, tin can, tin, beverage can, drink can, soup can, food can, canned food, pop can, beer can, aluminum \
can, aluminium can
bottle, water bottle, oil bottle, olive oil, wine bottle, yogurt bottle, yoghurt bottle, milk bottle, perfume bottle, \
perfume, baby bottle, flask, flacon, lotion bottle, detergent bottle, plastic bottle, vial, canteen, jug
box, cereal box, tea box, cracker box, soap box, cardboard box, carton, package, packet, parcel, container, food box, \
gift box, shipping box
cereal box, cereal, box of cereal
tea box, tea, box of tea
cracker box, crackers
soap box, soap, bar of soap, bar soap
milk carton, milk, carton, tetra pak, tetrapak, juice box, juice carton, milk box, beverage carton
block, cube, toy block, wooden block, toy cube, building block, brick, box, wood block, dice, rubik cube, plank, toy
bowl, dish, basin, serving bowl, soup bowl
plate, dish, saucer, platter, tray
cutting board, chopping board, board, wooden board
book, notebook, novel, textbook, hardcover, paperback
apple, fruit, red apple, tomato
orange, fruit, tangerine, mandarin, citrus
sponge, scouring pad, scrubber, dish sponge
knife, kitchen knife, chef knife, blade, cutlery
scissors, scissor, shears
salt shaker, pepper shaker, shaker, salt, pepper mill, seasoning, spice jar
jar, jam jar, jam, cosmetics pot, cosmetic jar, cosmetic pot, cream jar, cream, container, canister, pot, candle
basket, woven basket, wicker basket
bread, loaf, bread loaf, sliced bread
butter, butter dish, cheese
cupcake, muffin, cake, dessert
hot dog, hotdog, sandwich
potted plant, plant, house plant, houseplant, flower pot, cactus, succulent, palm, flower
cactus, succulent, potted plant, plant
calendar, desk calendar
headphones, headphone, headset, earphones
marker, text marker, highlighter, pen, felt pen, marker pen
tape roll, tape, roll of tape, packing tape, adhesive tape, duct tape
teddy bear, teddy, stuffed animal, plush, plush toy, bear, toy
wooden toy, toy, doll, figurine, wooden doll, wooden figure, figure
toy airplane, toy plane, airplane, plane, biplane, aircraft, toy, model airplane
ball, tennis ball, beach ball, sphere, toy ball, rubber ball, sports ball
vase, pot, urn, jug, pitcher, clay pot
table, dining table, desk, round table, wooden table, coffee table
chair, dining chair, armchair, seat, office chair, arm chair, side chair
bookcase, bookshelf, cabinet, cupboard, wardrobe, shelf, shelves, display cabinet, shelving unit
shelf, shelves, bookshelf, bookcase, cabinet, shelving, rack, shelving unit, cube shelf, storage unit
stool, bar stool, barstool, seat, chair
trash can, dustbin, bin, waste bin, trash bin, wastebasket, garbage can, waste basket, bucket
speaker, loudspeaker, audio speaker
desk lamp, lamp, table lamp, light
nightstand, bedside table, night stand, cabinet
lemon, fruit, lime, citrus
banana, fruit
teapot, tea pot, kettle, pot, jug
toy car, car, toy, vehicle
towel, cloth, napkin, tea towel, folded towel
candle, pillar candle, jar
lamp, floor lamp, light, standing lamp
"""
"""One group a line."""

_KEEP_S = ("scissors", "headphones", "shelves", "glass")


def normal(name: str | None) -> str:
    """Lower case, letters only, plurals cut."""
    words = re.sub(r"[^a-z ]+", " ", str(name or "").lower().replace("_", " ").replace("-", " ")).split()
    return " ".join(
        w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith("ss") and w not in _KEEP_S else w for w in words
    )


_GROUPS = [{normal(word) for word in line.split(",")} for line in GROUPS.strip().splitlines()]
_SURFACES = {normal(word) for word in SURFACES.replace("\n", " ").split(",")}


def groups_of(name: str | None) -> set[int]:
    """Numbers of the groups that a name belongs to."""
    padded = f" {normal(name)} "
    found = {phrase for group in _GROUPS for phrase in group if f" {phrase} " in padded}
    longest = {p for p in found if not any(p != q and f" {p} " in f" {q} " for q in found)}
    return {number for number, group in enumerate(_GROUPS) if group & longest}


def same_category(one: str | None, other: str | None) -> bool:
    """Whether two names mean the same kind of thing."""
    a, b = normal(one), normal(other)
    if not a or not b:
        return False
    return a == b or bool(groups_of(one) & groups_of(other)) or a.split()[-1] == b.split()[-1]


def is_surface(name: str | None) -> bool:
    """Whether a name means a table, a wall, a floor."""
    return normal(name) in _SURFACES
