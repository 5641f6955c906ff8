"""Rendered scenes: solid things that fell onto a table, with shadows, and a mask for each.

The solids and the renderer are those of pybullet (zlib licence), on the processor.
"""

import glob
import os
import tempfile

import cv2
import numpy as np
import pybullet
import pybullet_data

from scenes import photographed, visible
from surfaces import surface

DATA = pybullet_data.getDataPath()
SOLIDS = sorted(glob.glob(f"{DATA}/random_urdfs/*/*.urdf"))
TOYS = [
    f"{DATA}/{name}.urdf"
    for name in ("objects/mug", "lego/lego", "duck_vhacd", "teddy_vhacd", "domino/domino")
    + ("jenga/jenga", "tray/tray", "cube_small", "sphere_small", "soccerball")
]
TOYS = [toy for toy in TOYS if os.path.exists(toy)]
# Those that are much too large beside the others.
SCALES = {"soccerball": 0.12}


def connect():
    pybullet.connect(pybullet.DIRECT)


def texture(random, photos, folder):
    # pybullet reads textures from files alone, and keeps those it knows by name.
    path = os.path.join(folder, f"{random.integers(1 << 60)}.png")
    cv2.imwrite(path, np.uint8(np.clip(surface(random, 128, 128, photos), 0, 255)))
    return pybullet.loadTexture(path)


def panel(random, half_extents, position, solid, photos, folder):
    visual = pybullet.createVisualShape(pybullet.GEOM_BOX, halfExtents=half_extents)
    collision = -1
    if solid:
        collision = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half_extents)
    body = pybullet.createMultiBody(0, collision, visual, position)
    pybullet.changeVisualShape(body, -1, textureUniqueId=texture(random, photos, folder))


def drop(random, photos, folder):
    toy = random.random() < 0.2
    path = TOYS[random.integers(len(TOYS))] if toy else SOLIDS[random.integers(len(SOLIDS))]
    name = os.path.splitext(os.path.basename(path))[0]
    scale = float(np.exp(random.uniform(-0.5, 0.7))) * SCALES.get(name, 1.0)
    position = [*random.uniform(-0.28, 0.28, 2), random.uniform(0.05, 0.5)]
    turn = pybullet.getQuaternionFromEuler(random.uniform(-np.pi, np.pi, 3))
    body = pybullet.loadURDF(path, position, turn, globalScaling=scale)
    if random.random() < 0.5:
        look = {"textureUniqueId": texture(random, photos, folder), "rgbaColor": [1, 1, 1, 1]}
    else:
        look = {"rgbaColor": [*random.uniform(0.05, 1, 3), 1]}
    pybullet.changeVisualShape(body, -1, **look)
    return body


def photograph(random, size):
    view = pybullet.computeViewMatrixFromYawPitchRoll(
        [*random.uniform(-0.08, 0.08, 2), 0.05],
        random.uniform(0.45, 1.2),
        random.uniform(-60, 60),
        random.uniform(-80, -15),
        0,
        2,
    )
    lens = pybullet.computeProjectionMatrixFOV(random.uniform(35, 65), 1, 0.02, 10)
    _, _, colours, _, bodies = pybullet.getCameraImage(
        size,
        size,
        view,
        lens,
        lightDirection=list(random.uniform([-2, -2, 1], [2, 2, 4])),
        lightColor=list(random.uniform(0.7, 1, 3)),
        lightDistance=4,
        shadow=1,
        lightAmbientCoeff=random.uniform(0.3, 0.7),
        lightDiffuseCoeff=random.uniform(0.3, 0.8),
        lightSpecularCoeff=random.uniform(0, 0.6),
        renderer=pybullet.ER_TINY_RENDERER,
    )
    picture = np.reshape(colours, (size, size, 4))[:, :, 2::-1].astype(np.float32)
    return picture, np.reshape(bodies, (size, size))


def scene(random, size, photos):
    """A picture and its objects' masks."""
    pybullet.resetSimulation()
    pybullet.setGravity(0, 0, -9.8)
    with tempfile.TemporaryDirectory() as folder:
        panel(random, [3, 3, 0.05], [0, 0, -0.05], True, photos, folder)
        panel(random, [3, 0.05, 3], [0, random.uniform(0.4, 1.5), 0], False, photos, folder)
        count = int(np.exp(random.uniform(np.log(1.5), np.log(16))))
        things = [drop(random, photos, folder) for _ in range(count)]
        for _ in range(120):
            pybullet.stepSimulation()
        picture, bodies = photograph(random, size)
    seen = [visible(bodies == thing) for thing in things]
    return photographed(random, picture), [mask for mask in seen if mask is not None]
