"""Which household things are taken for each other by networks that have no word for them.

The detector has 80 words, the classifier 1000, few of them household things: a tin is a cup to the one and an oil filter to the
other, a tea box a book and a modem. So a word speaks for its own category, less for the things of the same build, and hardly for
others. The groups say what has the same build, by judgement; a category may stand in several.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from blueprint_assets.household import CATEGORIES, from_label

NAMED = 0.1
"""What a word says for a category of the same build that has a word of its own, which the network would rather use; its own
category being 1."""
NAMELESS = {"coco": 0.3, "imagenet": 0.3}
"""The same for a category without a word, which must be called something: the detector calls a can a cup or a bottle, the
classifier by any of thirty words."""

COVERS: dict[str, dict[str, str]] = {
    "coco": {
        "cup": "mug|glass|measuring cup",
        "bottle": "wine bottle|beer bottle|squeeze bottle|spray bottle|thermos|soap dispenser|pill bottle|perfume bottle",
        "bowl": "mixing bowl",
        "book": "notebook",
        "sports ball": "tennis ball|baseball|golf ball|ping pong ball|football|basketball",
        "potted plant": "flower pot",
        "clock": "wall clock",
        "dining table": "desk|coffee table|side table|console table",
        "chair": "office chair|armchair|stool",
        "couch": "armchair",
        "tv": "monitor",
        "handbag": "bag",
        "spoon": "wooden spoon|ladle",
    },
    "imagenet": {
        "carton": "milk carton|cereal box|cracker box|small box|tissue box|egg carton",
        "packet": "bag|cereal box|cracker box|small box",
        "cup": "mug",
        "coffee mug": "cup",
        "water bottle": "thermos",
        "lotion": "squeeze bottle",
        "sunscreen": "squeeze bottle|tube",
        "croquet ball": "ball",
        "face powder": "jar",
        "oil filter": "can",
        "barrel": "can",
        "drum": "can",
        "milk can": "can|jar",
    },
}
"""Categories of the catalogue that a network's word means as well as its own; the last five have none, and are of what is
round and closed at the top: a low pot with a lid, a tin."""

_GROUPS: tuple[tuple[str, str], ...] = (
    (  # upright, round, open or looking so from above
        "mug|cup|glass|measuring cup|can|jar|candle|pencil holder|flower pot|bucket|trash can|hamper|tub|pot|vase|thermos|"
        "toilet paper|pill bottle|salt shaker|spray can|lamp",
        "barrel|rain barrel|drum|steel drum|milk can|thimble|oil filter|knee pad|potter's wheel|face powder|mortar|loupe|"
        "lens cap|bottlecap|eggnog|neck brace|Petri dish|maraca",
    ),
    (  # upright with a neck or cap
        "bottle|wine bottle|beer bottle|squeeze bottle|spray bottle|soap dispenser|thermos|cocktail shaker|spray can|can|jar|"
        "pill bottle|perfume bottle|salt shaker|vase|milk carton|jug|tube|glue stick|candle|hourglass|paper towel",
        "oil filter|lipstick|missile|projectile|nipple|milk can|maraca|fire hydrant|parking meter|syringe|barrel",
    ),
    (  # boxes and what is printed or flat like them
        "box|small box|cereal box|cracker box|tissue box|milk carton|egg carton|lunch box|book|notebook|binder|block|sponge|soap|"
        "eraser|hard drive|router|radio|speaker|pencil case|wallet|envelope|toolbox|crate|cutting board|suitcase|projector|"
        "toaster|scale|switch|lighter|safe|chest|printer|pencil sharpener|perfume bottle|towel|telephone|calculator",
        "mousetrap|slot|cassette|combination lock|mailbox|pay-phone|plane|matchstick|jigsaw puzzle|birdhouse|vending machine|"
        "oil filter|balance beam|panpipe|bulletproof vest|web site|puck|harmonica|lipstick|Band Aid|odometer|abacus|space bar",
    ),
    (  # balls and round fruit
        "ball|tennis ball|baseball|golf ball|ping pong ball|football|basketball|orange|apple|peach|tomato|pomegranate|onion|"
        "lemon|plum|pear|potato|egg|garlic|melon|cabbage|mushroom|bell pepper|avocado|squash|pumpkin",
        "croquet ball|gong|punching bag|buckeye|fig|hip|acorn|custard apple|jackfruit|bubble|balloon|maraca|dough|chime",
    ),
    (  # round, wide and open
        "bowl|mixing bowl|plate|saucer|pan|wok|pot|strainer|tray|frisbee|sink|basket|cake|pizza|hat|coaster|scale|clock|tub",
        "Petri dish|gong|mortar|puck|face powder|manhole cover|shield|drum|loupe|potter's wheel|consomme|hot pot|guacamole|"
        "mashed potato|potpie|trifle|carbonara|steel drum|cymbal|lens cap|solar dish|toilet",
    ),
    (  # rings and rolls
        "tape|toilet paper|paper towel|donut|bagel|candle|tube|towel|coaster|cheese|cake",
        "neck brace|reel|puck|car wheel|disk brake|coil|pretzel|mortar|potter's wheel|toilet",
    ),
    (  # figures
        "teddy bear|doll|figurine|wooden toy|piggy bank|toy car|toy airplane|pillow|shoe|hat",
        "bear|dog|cat|bird|horse|sheep|cow|elephant|zebra|giraffe|person|mask|toyshop|ocarina|whistle|pinwheel|tricycle|maraca",
    ),
    (  # toys on wheels or wings: on a table what looks like a truck is one
        "toy car|wooden toy|toy airplane|mouse|stapler|iron",
        "car|truck|bus|train|motorcycle|boat|airplane|cab|convertible|sports car|racer|jeep|minivan|pickup|limousine|beach wagon|"
        "Model T|go-kart|moving van|tow truck|trailer truck|fire engine|garbage truck|police van|minibus|school bus|"
        "recreational vehicle|ambulance|passenger car|tank|half track|tractor|forklift|car wheel|freight car|electric locomotive|"
        "steam locomotive|streetcar|golfcart|snowplow|amphibian|trolleybus|bullet train|airliner|warplane|wing|space shuttle|"
        "airship|missile|speedboat|lifeboat|whistle|harvester|plow",
    ),
    (  # vessels with a spout, on a stand, with leaves
        "kettle|teapot|coffee pot|jug|measuring cup|pot|vase|plant|flower pot|coffee machine|blender|spray bottle|figurine|lamp",
        "water tower|whistle|greenhouse|artichoke|cardoon|daisy|ocarina",
    ),
    ("cutting board|tray|book|notebook|laptop|tablet|place mat|napkin|towel|paper|newspaper|envelope|picture frame|scale", ""),
    (
        "pen|pencil|marker|toothbrush|knife|fork|spoon|wooden spoon|spatula|ladle|whisk|screwdriver|hammer|wrench|scissors|"
        "paintbrush|hair brush|chopstick|ruler|remote|torch|rolling pin|key|eyeglasses",
        "syringe|flute|drumstick|harmonica|hatchet|hook|hair slide|safety pin|matchstick|revolver|paddle",
    ),
    ("banana|cucumber|carrot|corn|eggplant|bread|baguette|hot dog|croissant|bell pepper|squash|avocado|lemon|potato",
     "dough|meat loaf|burrito|cardoon|jackfruit"),
    ("basket|hamper|crate|tub|bucket|trash can|dish rack|drawer|tray|flower pot|bag|handbag|backpack",
     "barrow|thimble|diaper"),
    ("towel|napkin|sock|hat|bag|handbag|backpack|pillow|shoe|wallet|baseball glove|tie|sponge",
     "velvet|wool|bib|jersey|cardigan|diaper|mitten|bow tie|sarong|stole|shower cap|sleeping bag|Christmas stocking"),
    ("phone|remote|calculator|tablet|game controller|hard drive|camera|radio|clock|watch|mouse|wallet|webcam|speaker|telephone",
     "cassette|web site|odometer|oscilloscope|magnetic compass|loupe|binoculars"),
    ("monitor|television|laptop|microwave|printer|picture frame|mirror|painting|oven|toaster", "web site|oscilloscope"),
    ("chair|office chair|armchair|stool|bench|ottoman|sofa|bed|crib", "barrow"),
    ("table|desk|coffee table|side table|console table|nightstand|bench|stool|counter|tv stand|pool table|ironing board", ""),
    ("cabinet|dresser|nightstand|bookcase|shelf|wardrobe|filing cabinet|chest|tv stand|fridge|safe|wall cabinet|stove|oven|"
     "dishwasher|washing machine|microwave|door|fireplace|piano|radiator|heater", "vault|mailbox|vending machine"),
    ("floor lamp|lamp|fan|plant|umbrella|broom|vase", "maypole|pole|parachute|spindle|microphone"),
    ("sofa|bed|mattress|ottoman|armchair|pillow|suitcase|backpack", ""),
)  # fmt: skip
"""Names of categories, and network words that name nothing of the household but are said of such things."""


@cache
def said_of(model: Literal["coco", "imagenet"], label: str) -> Mapping[str, float]:
    """How much a network's word says for each category: 1 for its own and what it covers, less for those of the same build;
    others are left out."""
    own = from_label(model, label)
    word = label.split(",")[0]
    kin = {name for names, also in _members() if (own.name in names if own else word in also) for name in names}
    found = {name: NAMED if getattr(CATEGORIES[name], model) else NAMELESS[model] for name in sorted(kin)}
    covered = COVERS[model].get(word, "")
    found.update(dict.fromkeys(covered.split("|") if covered else (), 1.0))
    if own:
        found[own.name] = 1.0
    return found


@cache
def _members() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    return tuple(
        (frozenset(name for name in names.split("|") if name in CATEGORIES), frozenset(also.split("|")))
        for names, also in _GROUPS
    )
