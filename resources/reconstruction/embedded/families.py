"""Which family of solids a household category belongs to: what its outline is fitted with first."""

from __future__ import annotations

from typing import Literal

from blueprint_assets.household import CATEGORIES, Category

Family = Literal["ball", "ellipsoid", "vessel", "drum", "turned", "box", "open box", "soft"]
"""`ball`: sphere or upright spheroid. `ellipsoid`: lies on its side. `vessel`: round, hollow, open at the top. `drum`: straight
or bevelled cylinder. `turned`: round with a free profile. `box`, `open box`: upright cuboid, the latter hollow.
`soft`: none of these; its own outline, inflated."""

_MEMBERS: dict[Family, str] = {
    "ball": "apple|orange|peach|pomegranate|tomato|onion|garlic|cabbage|cauliflower|pumpkin|ball|tennis ball|baseball|golf ball|"
    "ping pong ball|football|basketball",
    "ellipsoid": "lemon|plum|strawberry|melon|watermelon|avocado|potato|egg|squash",
    "vessel": "mug|cup|glass|bowl|mixing bowl|plate|saucer|measuring cup|pot|bucket|pencil holder|flower pot|frisbee",
    "drum": "can|candle|tape|toilet paper|paper towel|coaster|cake|pizza|cookie|hamburger|pill bottle|spray can",
    "turned": "wine glass|jug|teapot|coffee pot|kettle|salt shaker|cocktail shaker|pear|bottle|wine bottle|beer bottle|"
    "thermos|jar|vase|hourglass|pineapple|bell pepper",
    "box": "cutting board|milk carton|cereal box|cracker box|box|small box|tissue box|egg carton|lunch box|envelope|book|"
    "notebook|binder|paper|newspaper|eraser|pencil case|calculator|sponge|soap|towel|napkin|block|wallet|tablet|keyboard|phone|"
    "remote|speaker|radio|hard drive|router|printer|projector|scale|toaster|waffle iron|coffee machine|microwave|oven|stove|"
    "fridge|dishwasher|washing machine|nightstand|cabinet|wall cabinet|filing cabinet|dresser|drawer|wardrobe|chest|safe|"
    "tv stand|mattress|counter|bookcase|suitcase|television|monitor|picture frame|ottoman|bed|cheese|sandwich|toolbox",
    "open box": "tray|basket|hamper|tub|crate|dish rack|trash can",
    "soft": "banana|bread|baguette|croissant|bag|tube|teddy bear|doll|shoe|hat|sock|handbag|backpack|pillow|baseball glove|"
    "toy car|toy airplane|wooden toy|figurine|piggy bank|carrot|cucumber|eggplant|corn|hot dog|broccoli|mouse|game controller|"
    "knife|fork|spoon|spatula|ladle|whisk|scissors|screwdriver|hammer|wrench|pen|pencil|marker|toothbrush",
}  # fmt: skip

FAMILY: dict[str, Family] = {name: family for family, names in _MEMBERS.items() for name in names.split("|")}
"""Category name -> family. A category that is not here is judged by its outline alone."""


def family_of(category: str | None) -> tuple[Family | None, Category | None]:
    """The family and the catalogue row of a category name; None where unknown."""
    row = CATEGORIES.get(category) if category else None
    return (FAMILY.get(row.name), row) if row else (None, None)
