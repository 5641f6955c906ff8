//! From pixels to regions of like colour.
//!
//! 1. The input is reduced to blocks of 4 x 4 pixels: mean colour, and whether the block is *pure*,
//!    that is without an edge inside.
//! 2. Pure blocks are grouped by graph-based segmentation (Felzenszwalb and Huttenlocher,
//!    "Efficient Graph-Based Image Segmentation", IJCV 2004): edges between neighbouring blocks in
//!    ascending order of colour difference join two components when the difference is no larger
//!    than either's internal difference plus `SCALE / size`. So texture and gradients stay inside a
//!    region, and edges part regions.
//! 3. In the blocks left over, each pixel goes to the region among the neighbours whose local colour
//!    is nearest. A block's *coverage* by a region is the share of its pixels that went there: the
//!    value which, interpolated, crosses one half at the region's edge.
//!
//! Padding (rows or columns at the border that are exactly the letterbox's grey) belongs to no
//! region.

use frame::{INPUT_SIDE, PAD_VALUE};

use crate::PROTOTYPE_SIDE;

/// Blocks per row and column.
const GRID: usize = PROTOTYPE_SIDE;
/// Pixels per row and column of a block.
const BLOCK: usize = INPUT_SIDE as usize / GRID;
const SIDE: usize = INPUT_SIDE as usize;
/// Colour differences are sums over three channels of absolute differences of means.
const MAX_DIFFERENCE: usize = 3 * 255;
/// A block is pure while the ranges of its channels sum up to no more than this: the texture of a
/// surface, not the step between two.
const PURE_RANGE: u16 = 72;
/// How much small components resist staying small ("k" in the paper), in colour difference times
/// blocks.
const SCALE: f32 = 300.0;
/// Differences up to this are texture, never an edge, however even both components are: pure blocks
/// on two sides of an edge differ by more.
const TEXTURE: f32 = 40.0;
/// Fewer blocks make no region; a 160 x 160 prototype could not show it.
const MIN_BLOCKS: u32 = 4;
/// Most regions reported, the largest first: as many as FastSAM reports detections.
pub(super) const MAX_REGIONS: usize = 300;
/// Regions that can share a block.
pub(super) const SHARES: usize = 4;
/// Marks a block without region.
const NONE: u16 = u16::MAX;

/// A region of like colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Region {
    /// Its pixels' extent in the input: left, top, right, bottom, half-open.
    pub extent: [u16; 4],
    /// Its pixels.
    pub area: u32,
}

/// Which regions share a block, and how many of its 16 pixels each has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shares {
    regions: [u16; SHARES],
    pixels: [u8; SHARES],
}

impl Shares {
    /// Region and share (0 to 1) of each region in the block.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, f32)> {
        let shares = self.regions.into_iter().zip(self.pixels);
        shares
            .filter(|&(_, pixels)| pixels > 0)
            .map(|(region, pixels)| {
                (
                    usize::from(region),
                    f32::from(pixels) / (BLOCK * BLOCK) as f32,
                )
            })
    }

    fn add(&mut self, region: u16) {
        for (known, pixels) in self.regions.iter_mut().zip(&mut self.pixels) {
            if *pixels == 0 || *known == region {
                *known = region;
                *pixels += 1;
                return;
            }
        }
    }

    fn largest(&self) -> u16 {
        let shares = self.regions.into_iter().zip(self.pixels);
        shares
            .filter(|&(_, n)| n > 0)
            .max_by_key(|&(_, n)| n)
            .map_or(NONE, |(region, _)| region)
    }
}

/// What was found: the regions, largest first, and the blocks they share.
#[derive(Debug)]
pub(super) struct Regions<'a> {
    pub regions: &'a [Region],
    /// 160 x 160, row-major.
    pub blocks: &'a [Shares],
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    mean: [u8; 3],
    pure: bool,
    /// Inside the picture, not in the padding.
    inside: bool,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    a: u32,
    b: u32,
    difference: u16,
}

/// Pixels of the input that are picture, not padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// Finds regions; owns the buffers.
#[derive(Debug, Default)]
pub(super) struct Finder {
    blocks: Vec<Block>,
    edges: Vec<Edge>,
    sorted: Vec<Edge>,
    forest: Forest,
    /// Region of each block, `NONE` where there is none.
    labels: Vec<u16>,
    /// Region number of each component's root.
    numbers: Vec<u16>,
    /// Roots by size.
    order: Vec<(u32, u32)>,
    waiting: Vec<u32>,
    later: Vec<u32>,
    decided: Vec<(u32, u16)>,
    shares: Vec<Shares>,
    regions: Vec<Region>,
}

impl Finder {
    /// Finds the regions of `input`, 640 x 640 x 3 RGB; none if it has another size.
    pub(super) fn find(&mut self, input: &[u8]) -> Regions<'_> {
        self.regions.clear();
        self.shares.clear();
        self.shares.resize(GRID * GRID, Shares::default());
        if let Ok(input) = <&[u8; frame::INPUT_BYTES]>::try_from(input)
            && let Some(content) = content(input)
        {
            self.reduce(input, content);
            self.group();
            self.number();
            self.share_blocks(input, content);
        }
        Regions {
            regions: &self.regions,
            blocks: &self.shares,
        }
    }

    /// Step 1: mean colour and purity of each block.
    fn reduce(&mut self, input: &[u8; frame::INPUT_BYTES], content: Content) {
        self.blocks.clear();
        // One row of blocks: sums, minima and maxima over its four rows of pixels, per byte.
        let mut sums = [0u16; SIDE * 3];
        let mut least = [0u8; SIDE * 3];
        let mut most = [0u8; SIDE * 3];
        for (row, rows) in input.chunks_exact(SIDE * 3 * BLOCK).enumerate() {
            sums.fill(0);
            least.fill(255);
            most.fill(0);
            for line in rows.chunks_exact(SIDE * 3) {
                for (((sum, low), high), &value) in
                    sums.iter_mut().zip(&mut least).zip(&mut most).zip(line)
                {
                    *sum += u16::from(value);
                    *low = (*low).min(value);
                    *high = (*high).max(value);
                }
            }
            let columns = sums
                .chunks_exact(3 * BLOCK)
                .zip(least.chunks_exact(3 * BLOCK))
                .zip(most.chunks_exact(3 * BLOCK));
            for (column, ((sums, least), most)) in columns.enumerate() {
                let mut block = Block {
                    inside: content.has_block(column, row),
                    ..Block::default()
                };
                let mut range = 0;
                for channel in 0..3 {
                    let at = |i: usize| i * 3 + channel;
                    let sum = sums[at(0)] + sums[at(1)] + sums[at(2)] + sums[at(3)];
                    let low = least[at(0)]
                        .min(least[at(1)])
                        .min(least[at(2)])
                        .min(least[at(3)]);
                    let high = most[at(0)]
                        .max(most[at(1)])
                        .max(most[at(2)])
                        .max(most[at(3)]);
                    block.mean[channel] = (sum / (BLOCK * BLOCK) as u16) as u8;
                    range += u16::from(high - low);
                }
                block.pure = range <= PURE_RANGE && content.has_whole_block(column, row);
                self.blocks.push(block);
            }
        }
    }

    /// Step 2: joins pure blocks into components.
    fn group(&mut self) {
        self.edges.clear();
        let blocks = &self.blocks;
        let mut connect = |a: usize, b: usize| {
            if blocks[a].pure && blocks[b].pure {
                let difference = difference(blocks[a].mean, blocks[b].mean);
                self.edges.push(Edge {
                    a: a as u32,
                    b: b as u32,
                    difference,
                });
            }
        };
        for row in 0..GRID {
            for column in 0..GRID {
                let block = row * GRID + column;
                if column + 1 < GRID {
                    connect(block, block + 1);
                }
                if row + 1 < GRID {
                    connect(block, block + GRID);
                }
            }
        }
        sort_by_difference(&self.edges, &mut self.sorted);
        self.forest.reset(GRID * GRID);
        for edge in &self.sorted {
            self.forest.join_if_alike(edge.a, edge.b, edge.difference);
        }
    }

    /// Gives the components that are large enough numbers, the largest first.
    fn number(&mut self) {
        self.order.clear();
        for (block, _) in self
            .blocks
            .iter()
            .enumerate()
            .filter(|(_, block)| block.pure)
        {
            let root = self.forest.root(block as u32);
            if root == block as u32 {
                let size = self.forest.size(root);
                if size >= MIN_BLOCKS {
                    self.order.push((size, root));
                }
            }
        }
        // Largest first; the first block decides between equals.
        self.order
            .sort_unstable_by_key(|&(size, root)| (u32::MAX - size, root));
        self.order.truncate(MAX_REGIONS);
        self.numbers.clear();
        self.numbers.resize(GRID * GRID, NONE);
        for (number, &(_, root)) in self.order.iter().enumerate() {
            self.numbers[root as usize] = number as u16;
        }
        self.labels.clear();
        for (i, block) in self.blocks.iter().enumerate() {
            let label = if block.pure {
                self.numbers[self.forest.root(i as u32) as usize]
            } else {
                NONE
            };
            self.labels.push(label);
        }
        self.regions.resize(
            self.order.len(),
            Region {
                extent: [u16::MAX, u16::MAX, 0, 0],
                area: 0,
            },
        );
    }

    /// Step 3: from labelled blocks outwards, wave by wave, until no block can be reached.
    fn share_blocks(&mut self, input: &[u8; frame::INPUT_BYTES], content: Content) {
        self.waiting.clear();
        for block in 0..GRID * GRID {
            let label = self.labels[block];
            if label != NONE {
                self.shares[block] = Shares {
                    regions: [label, 0, 0, 0],
                    pixels: [(BLOCK * BLOCK) as u8, 0, 0, 0],
                };
                let (x, y) = (block % GRID * BLOCK, block / GRID * BLOCK);
                let region = &mut self.regions[usize::from(label)];
                region.cover(x, y, x + BLOCK, y + BLOCK);
                region.area += (BLOCK * BLOCK) as u32;
            } else if self.blocks[block].inside {
                self.waiting.push(block as u32);
            }
        }
        while !self.waiting.is_empty() {
            self.decided.clear();
            self.later.clear();
            for &block in &self.waiting {
                let candidates = Candidates::around(block as usize, &self.labels, &self.blocks);
                if candidates.is_empty() {
                    self.later.push(block);
                    continue;
                }
                let shares = candidates.divide(block as usize, input, content, &mut self.regions);
                self.shares[block as usize] = shares;
                self.decided.push((block, shares.largest()));
            }
            if self.decided.is_empty() {
                break;
            }
            for &(block, label) in &self.decided {
                self.labels[block as usize] = label;
            }
            std::mem::swap(&mut self.waiting, &mut self.later);
        }
    }
}

impl Region {
    fn cover(&mut self, x1: usize, y1: usize, x2: usize, y2: usize) {
        let [left, top, right, bottom] = &mut self.extent;
        *left = (*left).min(x1 as u16);
        *top = (*top).min(y1 as u16);
        *right = (*right).max(x2 as u16);
        *bottom = (*bottom).max(y2 as u16);
    }
}

/// The regions that a block's pixels may go to, each with its colour nearby.
struct Candidates {
    regions: [(u16, [u8; 3]); SHARES],
    count: usize,
}

impl Candidates {
    /// The regions of the eight neighbours; the colour is that of the first neighbour found, those
    /// across an edge coming first.
    fn around(block: usize, labels: &[u16], blocks: &[Block]) -> Self {
        const NEIGHBOURS: [(isize, isize); 8] = [
            (0, -1),
            (-1, 0),
            (1, 0),
            (0, 1),
            (-1, -1),
            (1, -1),
            (-1, 1),
            (1, 1),
        ];
        let (column, row) = ((block % GRID) as isize, (block / GRID) as isize);
        let mut candidates = Self {
            regions: [(NONE, [0; 3]); SHARES],
            count: 0,
        };
        let grid = 0..GRID as isize;
        for (dx, dy) in NEIGHBOURS {
            let (x, y) = (column + dx, row + dy);
            if !grid.contains(&x) || !grid.contains(&y) {
                continue;
            }
            let neighbour = y as usize * GRID + x as usize;
            let label = labels[neighbour];
            let known = candidates.regions[..candidates.count]
                .iter()
                .any(|&(region, _)| region == label);
            if label != NONE && !known && candidates.count < SHARES {
                candidates.regions[candidates.count] = (label, blocks[neighbour].mean);
                candidates.count += 1;
            }
        }
        candidates
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Gives each pixel of the block to the candidate of the nearest colour.
    fn divide(
        &self,
        block: usize,
        input: &[u8; frame::INPUT_BYTES],
        content: Content,
        regions: &mut [Region],
    ) -> Shares {
        let mut shares = Shares::default();
        let (left, top) = (block % GRID * BLOCK, block / GRID * BLOCK);
        for y in top.max(content.top)..(top + BLOCK).min(content.bottom) {
            for x in left.max(content.left)..(left + BLOCK).min(content.right) {
                let at = (y * SIDE + x) * 3;
                let pixel = [input[at], input[at + 1], input[at + 2]];
                let nearest = self.regions[..self.count]
                    .iter()
                    .min_by_key(|(_, colour)| difference(pixel, *colour));
                if let Some(&(region, _)) = nearest {
                    shares.add(region);
                    regions[usize::from(region)].area += 1;
                    regions[usize::from(region)].cover(x, y, x + 1, y + 1);
                }
            }
        }
        shares
    }
}

impl Content {
    fn has_block(&self, column: usize, row: usize) -> bool {
        let (x, y) = (column * BLOCK, row * BLOCK);
        x + BLOCK > self.left && x < self.right && y + BLOCK > self.top && y < self.bottom
    }

    fn has_whole_block(&self, column: usize, row: usize) -> bool {
        let (x, y) = (column * BLOCK, row * BLOCK);
        x >= self.left && x + BLOCK <= self.right && y >= self.top && y + BLOCK <= self.bottom
    }
}

/// The picture inside the padding; `None` where all is padding.
fn content(input: &[u8; frame::INPUT_BYTES]) -> Option<Content> {
    let is_pad_row = |y: usize| {
        input[y * SIDE * 3..(y + 1) * SIDE * 3]
            .iter()
            .all(|&value| value == PAD_VALUE)
    };
    let top = (0..SIDE).find(|&y| !is_pad_row(y))?;
    let bottom = (0..SIDE).rfind(|&y| !is_pad_row(y))? + 1;
    let is_pad_column = |x: usize| {
        (top..bottom).all(|y| {
            let at = (y * SIDE + x) * 3;
            input[at..at + 3] == [PAD_VALUE; 3]
        })
    };
    let left = (0..SIDE).find(|&x| !is_pad_column(x))?;
    let right = (0..SIDE).rfind(|&x| !is_pad_column(x))? + 1;
    Some(Content {
        left,
        top,
        right,
        bottom,
    })
}

fn difference(a: [u8; 3], b: [u8; 3]) -> u16 {
    a.iter()
        .zip(b)
        .map(|(&a, b)| u16::from(a.abs_diff(b)))
        .sum()
}

/// Counting sort, stable.
fn sort_by_difference(edges: &[Edge], sorted: &mut Vec<Edge>) {
    let mut starts = [0u32; MAX_DIFFERENCE + 2];
    for edge in edges {
        starts[usize::from(edge.difference) + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    sorted.clear();
    sorted.resize(
        edges.len(),
        Edge {
            a: 0,
            b: 0,
            difference: 0,
        },
    );
    for &edge in edges {
        let place = &mut starts[usize::from(edge.difference)];
        sorted[*place as usize] = edge;
        *place += 1;
    }
}

/// Disjoint sets with the size and internal difference of each component.
#[derive(Debug, Default)]
struct Forest {
    parents: Vec<u32>,
    sizes: Vec<u32>,
    /// The largest difference inside a component's spanning tree.
    internal: Vec<u16>,
}

impl Forest {
    fn reset(&mut self, count: usize) {
        self.parents.clear();
        self.parents.extend(0..count as u32);
        self.sizes.clear();
        self.sizes.resize(count, 1);
        self.internal.clear();
        self.internal.resize(count, 0);
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while self.parents[node as usize] != node {
            let grandparent = self.parents[self.parents[node as usize] as usize];
            self.parents[node as usize] = grandparent;
            node = grandparent;
        }
        node
    }

    fn size(&self, root: u32) -> u32 {
        self.sizes[root as usize]
    }

    /// The paper's criterion, but for [`TEXTURE`]: the edge is no larger than what both components
    /// allow. Edges come in ascending order, so the joining edge is the new internal difference.
    fn join_if_alike(&mut self, a: u32, b: u32, difference: u16) {
        let (a, b) = (self.root(a), self.root(b));
        let allows = |root: u32| {
            let internal = f32::from(self.internal[root as usize]);
            (internal + SCALE / self.sizes[root as usize] as f32).max(TEXTURE)
        };
        if a == b || f32::from(difference) > allows(a).min(allows(b)) {
            return;
        }
        let (parent, child) = if self.size(a) >= self.size(b) {
            (a, b)
        } else {
            (b, a)
        };
        self.parents[child as usize] = parent;
        self.sizes[parent as usize] += self.sizes[child as usize];
        self.internal[parent as usize] = difference;
    }
}
