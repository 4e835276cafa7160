"""How often pictures of rooms and table tops show a kind of thing: what to expect before looking.

By LVIS v1 (Gupta et al. 2019), whose training pictures, 100,170 of everyday scenes, were searched for 1203 categories:
`everywhere` has 300 pictures or more, `often` 50 to 300, the rest fewer. Three corrections are judgement: LVIS has few words
for packages, which are placed by their contents; things for outdoors and to wear, frequent there, are rare on tables; and
toys, balls and blocks are what robots are tried with.
"""

from __future__ import annotations


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split("|"))


EVERYWHERE = _names(
    "mug|cup|glass|bowl|plate|bottle|can|jar|box|small box|book|apple|orange|lemon|banana|ball|block|basket|candle|vase|"
    "plant|clock|knife|fork|spoon|cutting board|wine glass|bread|towel|napkin|phone|laptop|keyboard|mouse|monitor|remote|"
    "lamp|teddy bear|wooden toy|toy car|wine bottle|flower pot|tray|salt shaker|pot|pen|scissors|cereal box|"
    "chair|table|sofa|bed|desk|cabinet|bookcase|shelf|coffee table|armchair|stool|trash can|pillow|picture frame|television|"
    "rug|curtain|door|window|mirror|painting|fridge|stove|oven|microwave|sink|faucet|toilet|counter"
)
OFTEN = _names(
    "jug|teapot|kettle|pan|mixing bowl|milk carton|cracker box|tissue box|soap dispenser|beer bottle|sponge|tape|paper towel|"
    "notebook|newspaper|paper|pencil|marker|toothbrush|tomato|toilet paper|carrot|pear|cake|donut|sandwich|egg|"
    "bell pepper|cucumber|"
    "bag|bucket|crate|hamper|hat|shoe|eyeglasses|wallet|handbag|backpack|spatula|measuring cup|coffee machine|toaster|blender|"
    "speaker|camera|tablet|headphones|game controller|telephone|fan|radio|figurine|doll|toy airplane|tennis ball|"
    "spray bottle|pill bottle|tube|stapler|calculator|watch|place mat|"
    "nightstand|side table|dresser|wardrobe|bench|ottoman|office chair|floor lamp|tv stand|suitcase|heater|radiator|"
    "dishwasher|washing machine|fireplace|piano|coffee pot|squeeze bottle|perfume bottle|peach|avocado|melon|hammer|screwdriver|"
    "lunch box|egg carton|binder|printer|strainer"
)
SHARES = (1.0, 0.35, 0.1)
"""Of a kind that is everywhere, often, seldom seen. The counts differ more (by 30); but pictures differ in what they are of."""


def prevalence(name: str) -> float:
    """How often a category is seen, the most usual ones being 1."""
    return SHARES[0] if name in EVERYWHERE else SHARES[1] if name in OFTEN else SHARES[2]
