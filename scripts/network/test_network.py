"""What must hold of the network's code; needs no data: `python -m unittest test_network`."""

import os
import tempfile
import unittest

import numpy as np
import onnxruntime
import torch

import batches
import evaluate
import export
import losses
import scenes
import shards
from network import BINS, Network, anchors, decode

torch.set_num_threads(1)
SIZE = 128


def randomised(network):
    """Other statistics and weights of normalisation, as training leaves them."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return network.eval()


class Outputs(unittest.TestCase):
    def test_heads_are_those_of_a_yolov8_seg_network(self):
        for plain in (False, True):
            with torch.no_grad():
                boxes, scores, coefficients, prototypes = Network(plain)(torch.rand(1, 3, 96, 160))
            for i, stride in enumerate((8, 16, 32)):
                cells = 96 // stride, 160 // stride
                self.assertEqual(boxes[i].shape, (1, 64, *cells))
                self.assertEqual(scores[i].shape, (1, 1, *cells))
                self.assertEqual(coefficients[i].shape, (1, 32, *cells))
            self.assertEqual(prototypes.shape, (1, 32, 24, 40))

    def test_a_distribution_on_one_bin_is_its_distance(self):
        points, strides = anchors(64, 64)
        logits = torch.full((len(points), 4, BINS), -100.0)
        logits[:, :, 2] = 0
        boxes = decode(logits.reshape(-1, 4 * BINS), points, strides)
        expected = torch.cat([points - 2 * strides[:, None], points + 2 * strides[:, None]], 1)
        torch.testing.assert_close(boxes, expected)


class Assignment(unittest.TestCase):
    def test_cells_lie_within_their_object_and_the_best_is_worth_its_overlap(self):
        points, _ = anchors(64, 64)
        objects = torch.tensor([[0.0, 0.0, 32.0, 32.0], [40.0, 40.0, 60.0, 60.0]])
        boxes = torch.cat([points - 12, points + 12], 1)
        owner, target = losses.assign(torch.zeros(len(points)), boxes, objects, points)
        for i, box in enumerate(objects):
            cells = (owner == i).nonzero()[:, 0]
            self.assertTrue(0 < len(cells) <= losses.CELLS)
            self.assertTrue(((points[cells] > box[:2]) & (points[cells] < box[2:])).all())
            best = losses.overlaps(box[None], boxes[cells]).max()
            self.assertAlmostEqual(float(target[cells].max()), float(best), places=4)
        self.assertTrue((target[owner < 0] == 0).all())

    def test_a_picture_without_objects_has_a_loss(self):
        outputs = Network(plain=True)(torch.rand(2, 3, 64, 64))
        nothing = [torch.zeros(0, 4)] * 2, [torch.zeros(0, 16, 16)] * 2
        loss, parts = losses.total(outputs, *nothing, 64, 64)
        loss.backward()
        self.assertTrue(np.isfinite(float(loss.detach())))
        self.assertEqual(parts["mask"], 0)


class Learning(unittest.TestCase):
    def test_the_loss_of_one_scene_falls(self):
        picture, masks = scenes.scene(np.random.default_rng(4), 320, [], [], [])
        self.assertGreater(len(masks), 0)
        picture, boxes, masks = batches.scaled(picture, np.uint8(masks), SIZE)
        pictures = torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
        true = [torch.from_numpy(boxes)], [torch.from_numpy(masks)]
        torch.manual_seed(2)
        network = Network(plain=True)
        optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
        found = []
        for _ in range(12):
            outputs = network(pictures.repeat(2, 1, 1, 1))
            loss, _ = losses.total(outputs, *(t * 2 for t in true), SIZE, SIZE)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(float(loss.detach()))
        self.assertLess(np.mean(found[-3:]), 0.75 * np.mean(found[:3]))


class Data(unittest.TestCase):
    def test_a_seed_makes_one_scene_and_masks_do_not_overlap(self):
        first, second = (scenes.scene(np.random.default_rng(9), 160, [], [], []) for _ in range(2))
        np.testing.assert_array_equal(first[0], second[0])
        self.assertLessEqual(np.sum(first[1], 0).max(initial=0), 1)

    def test_a_file_of_scenes_comes_back_and_batches_fit_together(self):
        made = [scenes.scene(np.random.default_rng(i), shards.SIDE, [], [], []) for i in range(3)]
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "scenes"))
            shards.write(os.path.join(folder, "scenes", "drawn-00000000.npz"), made)
            read = shards.read(shards.paths(folder)[0])
            for (picture, masks), (again, packed) in zip(made, read):
                np.testing.assert_array_equal(picture, again)
                self.assertEqual(len(masks), len(packed))
                for mask, bits in zip(masks, np.unpackbits(packed, axis=2)):
                    np.testing.assert_array_equal(mask, bits > 0)
            pool = batches.Pool(folder)
            pool.refresh(1)
            random = np.random.default_rng(1)
            for _ in range(10):
                picture, boxes, masks = batches.sample(random, pool, SIZE)
                self.assertEqual(picture.shape, (3, SIZE, SIZE))
                self.assertEqual(masks.shape, (len(boxes), SIZE // 4, SIZE // 4))
                for (x0, y0, x1, y1), mask in zip(boxes.tolist(), masks):
                    self.assertTrue(0 <= x0 < x1 <= SIZE and 0 <= y0 < y1 <= SIZE)
                    rows, columns = mask.amax(1).nonzero()[:, 0], mask.amax(0).nonzero()[:, 0]
                    self.assertLessEqual(abs(float(columns[0]) * 4 - x0), 4)
                    self.assertLessEqual(abs(float(rows[-1] + 1) * 4 - y1), 4)


class Export(unittest.TestCase):
    def test_the_file_answers_as_the_network_and_gives_its_weights_back(self):
        network = randomised(Network(plain=True))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "network.onnx")
            export.export(network, path)
            self.assertLess(os.path.getsize(path), 8_000_000)
            restored = Network(plain=True)
            export.restore(restored, path)
            session = onnxruntime.InferenceSession(path)
            for height, width in ((96, 160), (128, 128)):
                x = torch.rand(1, 3, height, width)
                answers = session.run(None, {"images": x.numpy()})
                with torch.no_grad():
                    exact = export.TwoOutputs(restored.eval())(x)
                    model = export.TwoOutputs(network)(x)
                cells = height * width // 64 * 21 // 16
                self.assertEqual(answers[0].shape, (1, 37, cells))
                self.assertEqual(answers[1].shape, (1, 32, height // 4, width // 4))
                for answer, same, near in zip(answers, exact, model):
                    np.testing.assert_allclose(answer, same, rtol=1e-3, atol=2e-3)
                    # Weights of 16 bits cost this much.
                    tolerance = 0.05 * float(near.std())
                    np.testing.assert_allclose(answer, near, rtol=0.05, atol=tolerance)


class Judging(unittest.TestCase):
    def test_outlines_can_be_read(self):
        with open(evaluate.JUDGED, encoding="utf-8") as file:
            lines = [line for line in file if line[0] != "#"]
        things = [line.split() for line in lines if ": " not in line]
        self.assertGreater(len(things), 90)
        for words in things:
            share = evaluate.outline(words, 200, 300).mean()
            self.assertTrue(0.001 < share < 0.95, words)

    def test_of_a_thing_and_its_half_the_best_counts(self):
        whole = np.zeros((10, 10), bool)
        whole[:, :8] = True
        half = whole.copy()
        half[:, 3:] = False
        tally = evaluate.Tally()
        tally.add([whole], [half, whole])
        self.assertEqual((tally.best, tally.right, tally.counts), ([1.0], [False, True], [2]))
        tally.add([whole], [])
        self.assertEqual(tally.best, [1.0, 0.0])


if __name__ == "__main__":
    unittest.main()
