"""Pretrained networks on numpy arrays: what stands out, straight lines, boxes with names, names of crops.

Weights are never part of this repository: `weights` pins them by package and hash, `fetching` brings them, `salient`, `lines`,
`boxes` and `names` run them.
"""
