"""The meshes of a checked glTF document as trimesh objects: positions, faces, colours, textures. Y-up, as the file has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .gltf_check import FAN, STRIP, TRIANGLES, Gltf
from .gltf_nodes import Json, Placed
from .mesh_folder import MeshFolder, MissingFileError

if TYPE_CHECKING:
    import trimesh
    from PIL import Image

PICTURES = ("normalTexture", "occlusionTexture", "emissiveTexture")
PBR_PICTURES = ("baseColorTexture", "metallicRoughnessTexture")


class GltfReader:
    """Makes meshes of a document, each material and picture once."""

    def __init__(self, gltf: Gltf, folder: MeshFolder) -> None:
        self._gltf, self._folder = gltf, folder
        self._pictures: dict[int, Image.Image | None] = {}
        self._materials: dict[int, Any] = {}

    def mesh(self, placed: Placed) -> trimesh.Trimesh:
        """One mesh in the scene's frame, all its primitives together, faces turned back where the node mirrors.

        Raises:
            MeshError: a face index is out of range, a vertex is not finite, or a named file cannot be used.
        """
        import trimesh

        where = f"meshes[{placed.mesh}]"
        primitives = self._gltf.document["meshes"][placed.mesh]["primitives"]
        found = [self._primitive(item, f"{where}.primitives[{index}]") for index, item in enumerate(primitives)]
        meshes = [mesh for mesh in found if mesh is not None]
        mesh = meshes[0] if len(meshes) == 1 else trimesh.util.concatenate(meshes)
        mesh.apply_transform(placed.matrix)  # turns the faces itself where the matrix mirrors
        return mesh

    def _primitive(self, primitive: Json, where: str) -> trimesh.Trimesh | None:
        import trimesh

        mode = primitive.get("mode", TRIANGLES)
        if mode not in (TRIANGLES, STRIP, FAN):
            return None
        attributes = primitive["attributes"]
        vertices = self._gltf.accessor(attributes["POSITION"]).astype(np.float64)
        if not np.isfinite(vertices).all():
            bad = int(np.flatnonzero(~np.isfinite(vertices).all(axis=1))[0])
            raise self._folder.refuse(
                f"{where}.attributes.POSITION", f"vertex {bad} is {vertices[bad].tolist()}: not finite"
            )
        corners = (
            self._gltf.accessor(primitive["indices"]).reshape(-1).astype(np.int64)
            if "indices" in primitive
            else np.arange(len(vertices))
        )
        if len(corners) and corners.max() >= len(vertices):
            raise self._folder.refuse(
                f"{where}.indices", f"face index {int(corners.max())}, but there are {len(vertices)} vertices"
            )
        return trimesh.Trimesh(
            vertices, _triangles(corners, mode), visual=self._visual(primitive, where), process=False, validate=False
        )

    def _visual(self, primitive: Json, where: str) -> Any:
        """Texture, vertex colours, or None for a mesh without paint."""
        from trimesh.visual import ColorVisuals, TextureVisuals

        attributes = primitive["attributes"]
        material = self._material(primitive["material"]) if "material" in primitive else None
        if "TEXCOORD_0" in attributes and material is not None:
            uv = self._gltf.accessor(attributes["TEXCOORD_0"]).astype(np.float64)
            if not np.isfinite(uv).all():
                self._folder.notes.append(f"{where}.attributes.TEXCOORD_0: not finite in places, set to 0 there")
                uv = np.where(np.isfinite(uv), uv, 0.0)
            uv[:, 1] = 1.0 - uv[:, 1]  # glTF counts from the top of the picture, trimesh from its bottom
            return TextureVisuals(uv=uv, material=material)
        if "COLOR_0" in attributes:
            colors = self._gltf.accessor(attributes["COLOR_0"]).astype(np.float64)
            colors = np.clip(np.nan_to_num(colors), 0.0, 1.0)
            return ColorVisuals(vertex_colors=np.round(colors * 255).astype(np.uint8))
        return None if material is None else TextureVisuals(uv=None, material=material)

    def _material(self, index: int) -> Any:
        from trimesh.visual.material import PBRMaterial

        if index in self._materials:
            return self._materials[index]
        where, item = f"materials[{index}]", self._gltf.document["materials"][index]
        surface = item.get("pbrMetallicRoughness", {})
        if not isinstance(surface, dict):
            raise self._folder.refuse(f"{where}.pbrMetallicRoughness", "not an object")
        options: dict[str, Any] = {
            name: self._picture_of(source[name], f"{where}.{name}")
            for source, names in ((surface, PBR_PICTURES), (item, PICTURES))
            for name in names
            if name in source
        }
        if isinstance(item.get("name"), str):
            options["name"] = item["name"]
        for name, source, width in (
            ("baseColorFactor", surface, 4),
            ("emissiveFactor", item, 3),
            ("metallicFactor", surface, 0),
            ("roughnessFactor", surface, 0),
            ("alphaCutoff", item, 0),
        ):
            if name in source:
                options[name] = self._numbers(source[name], width, f"{where}.{name}")
        if item.get("alphaMode") in ("OPAQUE", "MASK", "BLEND"):
            options["alphaMode"] = item["alphaMode"]
        if isinstance(item.get("doubleSided"), bool):
            options["doubleSided"] = item["doubleSided"]
        self._materials[index] = PBRMaterial(**options)
        return self._materials[index]

    def _numbers(self, value: Any, width: int, where: str) -> float | NDArray[np.float64]:
        numbers = value if width else [value]
        if not isinstance(numbers, list) or len(numbers) != max(width, 1):
            raise self._folder.refuse(where, f"{str(value)[:60]}; {max(width, 1)} numbers are expected")
        if not all(type(number) in (int, float) and 0 <= number <= 1e6 for number in numbers):
            raise self._folder.refuse(where, f"{str(value)[:60]}; numbers from 0 on are expected")
        return np.clip(np.array(numbers, dtype=float), 0.0, 1.0) if width else float(numbers[0])

    def _picture_of(self, reference: Any, where: str) -> Image.Image | None:
        textures = self._gltf.document.get("textures", [])
        index = reference.get("index") if isinstance(reference, dict) else None
        if type(index) is not int or not 0 <= index < len(textures):
            raise self._folder.refuse(f"{where}.index", f"{str(index)[:40]}, but there are {len(textures)} textures")
        texture = textures[index]
        extensions = texture.get("extensions", {})
        webp = extensions.get("EXT_texture_webp", {}) if isinstance(extensions, dict) else {}
        source = texture.get("source", webp.get("source") if isinstance(webp, dict) else None)
        images = self._gltf.document.get("images", [])
        if type(source) is not int or not 0 <= source < len(images):
            self._folder.notes.append(f"textures[{index}]: no source that is known here; the surface has no texture")
            return None
        if source not in self._pictures:
            self._pictures[source] = self._picture(images[source], f"images[{source}]")
        return self._pictures[source]

    def _picture(self, image: Json, where: str) -> Image.Image | None:
        if "bufferView" in image:
            return self._folder.texture(self._gltf.view(image["bufferView"]), where)
        try:
            data = self._folder.bring(image.get("uri"), f"{where}.uri")
        except MissingFileError as missing:
            self._folder.notes.append(f"{missing}; the surface has no texture")
            return None
        return self._folder.texture(data, where)


def _triangles(corners: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    """Faces (n, 3) of a list of triangles, a strip (every other one is turned) or a fan (3.7.2.1)."""
    if mode == TRIANGLES:
        return corners.reshape(-1, 3)
    count = max(0, len(corners) - 2)
    if mode == FAN:
        return np.stack([np.repeat(corners[:1], count), corners[1 : count + 1], corners[2 : count + 2]], axis=1)
    faces = np.stack([corners[:count], corners[1 : count + 1], corners[2 : count + 2]], axis=1)
    faces[1::2] = faces[1::2, [1, 0, 2]]
    return faces
