"""Colour models of the background: the support plane's, and of whatever stands behind it.

A surface's colour changes slowly over the picture (light falls off), so each is a low polynomial in x and y for every
CIELAB channel, fitted by iterated reweighting, with the scatter of its own texture around it. Distances from it are in
units of that scatter.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BoolImage = NDArray[np.bool_]
Image8 = NDArray[np.uint8]

MIN_SCATTER = np.array([2.5, 1.6, 1.6])
"""Standard deviation in L, a, b of sensor noise and JPEG blocks on an even surface."""
INLIER = 3.5
"""Scatter units within which a pixel is of the surface."""
MIN_PLANE_SHARE = 0.08
"""A support plane shows on at least this share of the picture."""
MAX_BACKGROUNDS = 4
MIN_BACKGROUND = 0.01
"""Share of the picture that a wall or floor shows on: smaller ones at the border are things."""
SEARCH_STEP = 3
"""The plane's model is searched for on every third pixel, each way."""
SHADOW = (0.2, 0.97)
"""Light left in a shadow, as a share of the surface's own: darker is a dark thing, lighter the surface itself."""
SHADOW_SHARE = 0.85
SHADOW_SPREAD = 0.25
"""A mask is a shadow when as much of it could be one, and its light (logarithm, middle 80 %) spreads by less or little
more than the plane's: the faces of a thing differ by more."""
SHADOW_TINT = 0.16
"""Greatest difference between the channels' logarithmic dimming in a shadow (sky or bounced light tints it)."""


@dataclass(frozen=True)
class ColorSurface:
    """`coefficients`: (terms, 3) of the polynomial in x, y (each -1..1 over the picture); `whiten`: (3, 3), turns a LAB
    difference into scatter units. `region`: where the surface shows."""

    coefficients: Array
    whiten: Array
    region: BoolImage

    def predict(self, shape: tuple[int, int]) -> Array:
        """The surface's LAB colour at every pixel, shape (h, w, 3)."""
        terms = _terms(shape, len(self.coefficients))
        colors: Array = np.asarray(terms @ self.coefficients).reshape(*shape, 3)
        return colors

    def distance(self, lab: Array) -> Array:
        """Scatter units from the surface, shape (h, w)."""
        difference = lab - self.predict(lab.shape[:2])
        return np.asarray(np.linalg.norm(difference @ self.whiten.T, axis=2))


def dimmed(rgb: Image8, plane: ColorSurface, tolerance: float) -> BoolImage:
    """Pixels whose colour is the plane's in less light: every channel dimmed alike, in linear light. `tolerance`: see
    SHADOW_TINT."""
    dimming, tint = _dimming(rgb, plane)
    dark: BoolImage = (dimming > np.log(SHADOW[0])) & (dimming < np.log(SHADOW[1]))
    dark &= tint < tolerance * np.clip(1.0 - dimming, 1.0, 2.0)
    return dark


def is_shadow(rgb: Image8, plane: ColorSurface, mask: BoolImage) -> bool:
    """Whether a whole mask is the plane in less light: of its colour, and as evenly lit as the plane itself is."""
    dimming, _ = _dimming(rgb, plane)
    inner = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if not inner.any() or dimmed(rgb, plane, SHADOW_TINT)[inner].mean() < SHADOW_SHARE:
        return False
    spreads = [float(np.ptp(np.percentile(dimming[region], (10, 90)))) for region in (inner, plane.region)]
    return spreads[0] < max(SHADOW_SPREAD, 1.5 * spreads[1])


def _dimming(rgb: Image8, plane: ColorSurface) -> tuple[Array, Array]:
    """Mean over the channels of the logarithm of light over the plane's own, and the greatest deviation from it."""
    own = cv2.cvtColor(plane.predict(rgb.shape[:2]).astype(np.float32), cv2.COLOR_LAB2RGB)
    seen = cv2.GaussianBlur(rgb, (5, 5), 0).astype(np.float64) / 255.0
    # sRGB to linear light by its mean exponent; the offset keeps black from exploding.
    ratio = np.log((seen**2.2 + 0.004) / (np.clip(own.astype(np.float64), 0, 1) ** 2.2 + 0.004))
    dimming = np.asarray(ratio.mean(axis=2))
    return dimming, np.asarray(np.abs(ratio - dimming[..., None]).max(axis=2))


def shadows(rgb: Image8, plane: ColorSurface, tolerance: float) -> BoolImage:
    """Pixels that could be the plane in less light (`dimmed`), no busier in texture than the plane."""
    dimming, _ = _dimming(rgb, plane)
    dark = dimmed(rgb, plane, tolerance)
    mean = cv2.blur(dimming, (7, 7))
    texture = np.sqrt(np.maximum(cv2.blur(dimming**2, (7, 7)) - mean**2, 0))
    busy = texture > 1.5 * np.percentile(texture[plane.region], 90)
    count, labels = cv2.connectedComponents(dark.astype(np.uint8))
    inner = cv2.erode(dark.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    total = np.bincount(labels[inner], minlength=count)
    share = np.bincount(labels[inner & busy], minlength=count) / np.maximum(total, 1)
    plain = share < 0.3
    plain[0] = False
    found: BoolImage = plain[labels]
    return found


def to_lab(rgb: Image8) -> Array:
    """CIELAB, L 0..100, slightly smoothed along surfaces (edges stay), shape (h, w, 3)."""
    smooth = cv2.bilateralFilter(rgb, 5, 24, 5)
    lab = cv2.cvtColor((smooth / 255.0).astype(np.float32), cv2.COLOR_RGB2LAB)
    return np.asarray(lab, np.float64)


def find_plane(lab: Array, ignore: BoolImage, horizon_row: float) -> ColorSurface | None:
    """The support plane's surface: the colour surface that shows most in the lower part of the picture.

    `ignore`: pixels that belong to known objects. `horizon_row`: above it no ground can show. None when no surface holds
    together on MIN_PLANE_SHARE of the picture.
    """
    h, w = ignore.shape
    rows = np.arange(h)[:, None] / h
    below = np.broadcast_to(rows * h > horizon_row + 0.02 * h, (h, w)) & ~ignore
    best: tuple[float, ColorSurface] | None = None
    n = SEARCH_STEP
    coarse, coarse_below = np.ascontiguousarray(lab[::n, ::n]), np.ascontiguousarray(below[::n, ::n])
    # Starts: bands near the bottom, because what things stand on reaches the picture's lower half. The weight of a
    # pixel grows downwards, so that a wall of equal size loses.
    weight = ((0.35 + rows) * np.ones((h, w)))[::n, ::n]
    for left, right in ((0.0, 1.0), (0.0, 0.45), (0.3, 0.7), (0.55, 1.0)):
        for low, high in ((0.8, 1.0), (0.6, 0.85), (0.45, 0.7)):
            seed = np.zeros(coarse_below.shape, bool)
            seed[int(low * h / n) : int(high * h / n), int(left * w / n) : int(right * w / n)] = True
            surface = _fit(coarse, seed & coarse_below, coarse_below)
            if surface is None:
                continue
            # A model with a wide scatter takes in everything: what it holds is worth less.
            sharpness = float(np.linalg.det(surface.whiten @ np.diag(MIN_SCATTER)) ** (1 / 3))
            value = float(weight[surface.region].sum()) * sharpness
            if best is None or value > best[0]:
                best = (value, surface)
    if best is None or best[1].region.mean() < MIN_PLANE_SHARE:
        return None
    return _at_full_size(best[1], lab, below)


def _at_full_size(surface: ColorSurface, lab: Array, domain: BoolImage) -> ColorSurface:
    shape = lab.shape[:2]
    seed = cv2.resize(surface.region.astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST) > 0
    region = _connected((surface.distance(lab) < INLIER) & domain, seed & domain)
    return ColorSurface(surface.coefficients, surface.whiten, region)


def find_backgrounds(lab: Array, plane: ColorSurface, ignore: BoolImage) -> list[ColorSurface]:
    """Colour surfaces of what reaches the picture's border and is not the plane: walls, floor, furniture."""
    h, w = ignore.shape
    rest = ~plane.region & ~ignore
    found: list[ColorSurface] = []
    for _ in range(MAX_BACKGROUNDS):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(rest.astype(np.uint8))
        border = np.zeros((h, w), bool)
        border[[0, -1], :] = border[:, [0, -1]] = True
        touching = [k for k in range(1, count) if (labels[border] == k).sum() > 0.02 * (h + w)]
        if not touching:
            break
        k = max(touching, key=lambda k: int(stats[k, cv2.CC_STAT_AREA]))
        if stats[k, cv2.CC_STAT_AREA] < 0.01 * h * w:
            break
        component = labels == k
        # Start where the component meets the border: there it is background for sure.
        band = np.zeros((h, w), bool)
        m = max(3, int(0.06 * min(h, w)))
        band[:m], band[-m:], band[:, :m], band[:, -m:] = True, True, True, True
        surface = _fit(lab, component & band, component)
        if surface is None or surface.region.mean() < MIN_BACKGROUND:
            rest &= ~(component & band)
            continue
        found.append(surface)
        rest &= ~surface.region
    return found


def flanked(region: BoolImage) -> BoolImage:
    """Pixels with a firm part of the region on both sides in their row: of a table's top, what lies on it and its shadows."""
    size = 2 * max(1, round(0.01 * max(region.shape))) + 1
    firm = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, np.ones((size, size), np.uint8)) > 0
    between: BoolImage = np.maximum.accumulate(firm, axis=1) & np.maximum.accumulate(firm[:, ::-1], axis=1)[:, ::-1]
    return between


def _fit(lab: Array, seed: BoolImage, domain: BoolImage) -> ColorSurface | None:
    """Grows a surface from `seed` over `domain`: constant, then planes, then quadrics, reweighted at every step."""
    if seed.sum() < 50:
        return None
    shape = lab.shape[:2]
    step = max(1, int(np.sqrt(seed.size / 20000)))
    grid = np.zeros(shape, bool)
    grid[::step, ::step] = True
    pixels = lab.reshape(-1, 3)
    start = np.median(pixels[seed.ravel()], axis=0)
    spread = 1.4826 * np.median(np.abs(pixels[seed.ravel()] - start), axis=0)
    spread = np.clip(spread, MIN_SCATTER, 4 * MIN_SCATTER)
    members = seed & (np.linalg.norm((lab - start) / spread, axis=2) < INLIER)
    surface: ColorSurface | None = None
    for terms in (1, 3, 3, 6, 6, 6):
        chosen = (members & grid).ravel()
        if chosen.sum() < 6 * terms:
            chosen = members.ravel()
        if chosen.sum() < 6 * terms:
            return surface
        basis = _terms(shape, terms)[chosen]
        target = pixels[chosen]
        weight = np.ones(len(basis))
        for _ in range(4):
            root = np.sqrt(weight)[:, None]
            # A little ridge keeps the quadratic terms small where the members do not reach.
            ridge = np.diag([0.0] + [1e-3 * len(basis)] * (terms - 1))
            scaled = basis * root
            coefficients = np.linalg.solve(scaled.T @ scaled + ridge, scaled.T @ (target * root))
            residual = target - basis @ coefficients
            whiten = _whiten(residual, weight)
            distance = np.linalg.norm(residual @ whiten.T, axis=1)
            weight = np.where(distance < INLIER + 1.5, (1 - (distance / (INLIER + 1.5)) ** 2) ** 2, 1e-6)
        near = np.linalg.norm((lab - (_terms(shape, terms) @ coefficients).reshape(*shape, 3)) @ whiten.T, axis=2)
        inside = (near < INLIER) & domain
        members = _connected(inside, members)
        if members.sum() < 50:
            return None
        surface = ColorSurface(coefficients, whiten, members)
    return surface


def _whiten(residual: Array, weight: Array) -> Array:
    """Inverse square root of the scatter's covariance, the sensor's noise added, shape (3, 3)."""
    covariance = (residual * weight[:, None]).T @ residual / weight.sum() + np.diag((0.7 * MIN_SCATTER) ** 2)
    values, vectors = np.linalg.eigh(covariance)
    whiten: Array = vectors @ np.diag(1 / np.sqrt(values)) @ vectors.T
    return whiten


def _connected(inside: BoolImage, seed: BoolImage) -> BoolImage:
    """The pieces of `inside` that hold a good part of the seed; gaps of a few pixels are bridged."""
    size = 2 * max(1, int(0.004 * max(inside.shape))) + 1
    closed = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    count, labels = cv2.connectedComponents(closed)
    held = np.bincount(labels[seed & (closed > 0)], minlength=count)
    held[0] = 0
    keep = held > 0.1 * max(1, held.max())
    connected: BoolImage = keep[labels] & inside
    return connected


def _terms(shape: tuple[int, int], terms: int) -> Array:
    """1, x, y, x², xy, y² at every pixel, the first `terms`, shape (h w, terms)."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    basis: Array = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)[:, :terms]
    return basis
