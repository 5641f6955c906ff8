"""What the network is to minimise.

Cells are given to objects by how well they do already: "TOOD: Task-aligned One-stage Object
Detection" (C. Feng et al. 2021). Boxes: generalized IoU (H. Rezatofighi et al. 2019) and the
distribution focal loss (X. Li et al. 2020). Masks: cross-entropy within the box, as in YOLACT
(D. Bolya et al. 2019), and the Dice loss (F. Milletari et al. 2016).
"""

import torch
from torch.nn import functional

from network import BINS, anchors, decode, flat

# Cells an object gets, and the powers of score and overlap in the measure of alignment.
CELLS, SCORE_POWER, OVERLAP_POWER = 10, 0.5, 6.0
# Cells of a picture whose masks are computed.
MOST_MASKS = 48
WEIGHTS = {"score": 0.7, "box": 5.0, "distribution": 1.2, "mask": 4.0}


def areas(boxes):
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def overlaps(left, right):
    """IoU of every box with every other."""
    low = torch.maximum(left[:, None, :2], right[None, :, :2])
    high = torch.minimum(left[:, None, 2:], right[None, :, 2:])
    common = (high - low).clamp(min=0).prod(-1)
    return common / (areas(left)[:, None] + areas(right)[None] - common + 1e-6)


def generalized_iou(left, right):
    low, high = torch.maximum(left[:, :2], right[:, :2]), torch.minimum(left[:, 2:], right[:, 2:])
    common = (high - low).clamp(min=0).prod(-1)
    union = areas(left) + areas(right) - common + 1e-6
    low, high = torch.minimum(left[:, :2], right[:, :2]), torch.maximum(left[:, 2:], right[:, 2:])
    hull = (high - low).clamp(min=0).prod(-1) + 1e-6
    return common / union - (hull - union) / hull


@torch.no_grad()
def assign(scores, boxes, objects, points):
    """For every cell: its object (-1 for none) and the score that it should have."""
    owner = torch.full((len(points),), -1, dtype=torch.long)
    target = torch.zeros(len(points))
    if len(objects) == 0:
        return owner, target
    inside = ((points > objects[:, None, :2]) & (points < objects[:, None, 2:])).all(-1)
    overlap = overlaps(objects, boxes)
    alignment = scores.sigmoid() ** SCORE_POWER * overlap**OVERLAP_POWER * inside
    best, cells = alignment.topk(min(CELLS, len(points)), 1)
    chosen = torch.zeros_like(inside).scatter_(1, cells, best > 1e-9)
    # A cell of several objects goes to the one it overlaps most.
    overlap_of_chosen = torch.where(chosen, overlap, overlap.new_full((), -1.0))
    value, index = overlap_of_chosen.max(0)
    is_owned = value >= 0
    owner[is_owned] = index[is_owned]
    chosen &= torch.arange(len(objects))[:, None] == owner
    alignment = torch.where(chosen, alignment, alignment.new_zeros(()))
    overlap = torch.where(chosen, overlap, overlap.new_zeros(()))
    scale = overlap.amax(1, keepdim=True) / (alignment.amax(1, keepdim=True) + 1e-9)
    target[is_owned] = (alignment * scale).amax(0)[is_owned]
    return owner, target


def distribution_loss(logits, distances):
    """Cross-entropy with the two bins around each distance, by their nearness."""
    distances = distances.clamp(0, BINS - 1.01)
    low = distances.long()
    share = distances - low
    logits = functional.log_softmax(logits.reshape(-1, 4, BINS), -1)
    of_low = logits.gather(-1, low[..., None])[..., 0]
    of_high = logits.gather(-1, low[..., None] + 1)[..., 0]
    return -(of_low * (1 - share) + of_high * share).mean(1)


def mask_loss(logits, masks, boxes):
    """Cross-entropy and Dice within each object's box, which is in prototype pixels."""
    rows = torch.arange(logits.shape[1])[None, :, None] + 0.5
    columns = torch.arange(logits.shape[2])[None, None] + 0.5
    left, top, right, bottom = boxes.t()[..., None, None]
    # One more pixel around it: the box that is found may be larger.
    within = (columns > left - 1) & (columns < right + 1) & (rows > top - 1) & (rows < bottom + 1)
    within = within.float()
    entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    entropy = (entropy * within).sum((1, 2)) / (within.sum((1, 2)) + 1)
    guess, masks = logits.sigmoid() * within, masks * within
    common = 2 * (guess * masks).sum((1, 2)) + 1
    return entropy + 0.7 * (1 - common / (guess.sum((1, 2)) + masks.sum((1, 2)) + 1))


def total(outputs, objects, masks, height, width):
    """The sum to minimise, and its parts by name.

    `objects` holds corners in pixels for each picture, `masks` masks at a quarter of the size.
    """
    logits, scores, coefficients, prototypes = flat(outputs)
    points, strides = anchors(height, width)
    boxes = decode(logits, points, strides)
    targets = torch.zeros_like(scores)
    parts = {name: logits.sum() * 0 for name in ("box", "distribution", "mask")}
    for i, (true, true_masks) in enumerate(zip(objects, masks)):
        owner, targets[i] = assign(scores[i].detach(), boxes[i].detach(), true, points)
        cells = (owner >= 0).nonzero()[:, 0]
        if len(cells) == 0:
            continue
        weight, of_cells = targets[i, cells], true[owner[cells]]
        box_loss = 1 - generalized_iou(boxes[i, cells], of_cells)
        parts["box"] = parts["box"] + (box_loss * weight).sum()
        distances = torch.cat(
            [points[cells] - of_cells[:, :2], of_cells[:, 2:] - points[cells]], 1
        ) / strides[cells, None]
        loss = distribution_loss(logits[i, cells], distances)
        parts["distribution"] = parts["distribution"] + (loss * weight).sum()
        total = weight.sum()
        if len(cells) > MOST_MASKS:
            cells = cells[torch.multinomial(weight + 1e-4, MOST_MASKS)]
        weight, of_cells = targets[i, cells], owner[cells]
        guess = torch.einsum("nc,chw->nhw", coefficients[i, cells], prototypes[i])
        loss = mask_loss(guess, true_masks[of_cells], true[of_cells] / 4)
        share = total / (weight.sum() + 1e-6)
        parts["mask"] = parts["mask"] + (loss * weight).sum() * share
    total = targets.sum().clamp(min=1.0)
    parts = {name: part / total for name, part in parts.items()}
    entropy = functional.binary_cross_entropy_with_logits(scores, targets, reduction="sum")
    parts["score"] = entropy / total
    whole = sum(WEIGHTS[name] * part for name, part in parts.items())
    return whole, {name: float(part.detach()) for name, part in parts.items()}
