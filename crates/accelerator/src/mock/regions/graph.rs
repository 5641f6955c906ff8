//! Step 2: joins patches of like colour into components.
//!
//! A node is a pure block, or a pure cell of a block that is not: large surfaces cost few nodes, and
//! thin ones are still seen. Source: Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image
//! Segmentation", IJCV 2004.

use super::{
    grid::{Cell, Grid, difference},
    reduce::Reduced,
};

/// Colour differences are sums over three channels of absolute differences of means.
const MAX_DIFFERENCE: usize = 3 * 255;
/// How much small components resist staying small ("k" in the paper), in colour difference times
/// cells.
const SCALE: f32 = 1200.0;
/// Differences up to this are texture, never an edge, however even both components are: pure patches
/// on two sides of an edge differ by more.
const TEXTURE: f32 = 40.0;
/// Cells of a block.
const QUARTERS: u32 = 4;

#[derive(Clone, Copy, Debug, Default)]
struct Edge {
    a: u32,
    b: u32,
    difference: u16,
}

/// Finds components; owns the buffers.
#[derive(Debug, Default)]
pub(super) struct Graph {
    edges: Vec<Edge>,
    sorted: Vec<Edge>,
    forest: Forest,
}

impl Graph {
    /// Joins the patches of this picture.
    pub(super) fn join(&mut self, reduced: &Reduced) {
        self.connect(reduced);
        sort_by_difference(&self.edges, &mut self.sorted);
        self.forest.reset(reduced.grid);
        for edge in &self.sorted {
            self.forest.join_if_alike(edge.a, edge.b, edge.difference);
        }
    }

    /// The components of at least this many cells, each with its size and root.
    pub(super) fn components(
        &self,
        reduced: &Reduced,
        least: u32,
    ) -> impl Iterator<Item = (u32, u32)> {
        let grid = reduced.grid;
        let blocks = (0..grid.blocks()).filter(|&block| reduced.blocks[block].pure);
        let (columns, rows) = grid.cell_sides();
        let cells = (0..rows).flat_map(move |y| {
            (0..columns)
                .map(move |x| Cell { x, y })
                .filter(move |&cell| {
                    reduced.cells[grid.index(cell)].pure
                        && !reduced.blocks[grid.block_of(cell)].pure
                })
                .map(move |cell| grid.blocks() + grid.index(cell))
        });
        blocks
            .chain(cells)
            .filter(|&node| self.forest.parents[node] as usize == node)
            .map(|root| (self.forest.sizes[root], root as u32))
            .filter(move |&(size, _)| size >= least)
    }

    /// The root of the component that a cell belongs to; `None` for one that is not pure.
    #[inline(always)]
    pub(super) fn component(&mut self, reduced: &Reduced, cell: Cell) -> Option<u32> {
        node(reduced, cell).map(|node| self.forest.root(node))
    }

    fn connect(&mut self, reduced: &Reduced) {
        self.edges.clear();
        let Grid { columns, rows } = reduced.grid;
        let mean = |cell: Cell| reduced.cells[reduced.grid.index(cell)].mean;
        let mut connect = |a: Cell, b: Cell| {
            if let (Some(from), Some(to)) = (node(reduced, a), node(reduced, b)) {
                let difference = difference(mean(a), mean(b));
                self.edges.push(Edge {
                    a: from,
                    b: to,
                    difference,
                });
            }
        };
        let pure = |row: usize, column: usize| reduced.blocks[row * columns + column].pure;
        for row in 0..rows {
            for column in 0..columns {
                let at = |dx: u16, dy: u16| Cell {
                    x: 2 * column as u16 + dx,
                    y: 2 * row as u16 + dy,
                };
                let own = pure(row, column);
                if !own {
                    connect(at(0, 0), at(1, 0));
                    connect(at(0, 0), at(0, 1));
                    connect(at(1, 0), at(1, 1));
                    connect(at(0, 1), at(1, 1));
                }
                // Two pure blocks share one edge, all others two.
                if column + 1 < columns {
                    connect(at(1, 0), at(2, 0));
                    if !(own && pure(row, column + 1)) {
                        connect(at(1, 1), at(2, 1));
                    }
                }
                if row + 1 < rows {
                    connect(at(0, 1), at(0, 2));
                    if !(own && pure(row + 1, column)) {
                        connect(at(1, 1), at(1, 2));
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn node(reduced: &Reduced, cell: Cell) -> Option<u32> {
    let block = reduced.grid.block_of(cell);
    if reduced.blocks[block].pure {
        return Some(block as u32);
    }
    let place = reduced.grid.index(cell);
    let node = (reduced.grid.blocks() + place) as u32;
    reduced.cells[place].pure.then_some(node)
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
    sorted.resize(edges.len(), Edge::default());
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
    /// In cells.
    sizes: Vec<u32>,
    /// The largest difference inside a component's spanning tree.
    internal: Vec<u16>,
}

impl Forest {
    /// A node by itself for each block and each cell.
    fn reset(&mut self, grid: Grid) {
        let nodes = grid.blocks() + grid.cells();
        self.parents.clear();
        self.parents.extend(0..nodes as u32);
        self.sizes.clear();
        self.sizes.resize(grid.blocks(), QUARTERS);
        self.sizes.resize(nodes, 1);
        self.internal.clear();
        self.internal.resize(nodes, 0);
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while self.parents[node as usize] != node {
            let grandparent = self.parents[self.parents[node as usize] as usize];
            self.parents[node as usize] = grandparent;
            node = grandparent;
        }
        node
    }

    /// The paper's criterion, but for [`TEXTURE`]: the edge is no larger than what both components
    /// allow. Edges come in ascending order, so the joining edge is the new internal difference.
    fn join_if_alike(&mut self, a: u32, b: u32, difference: u16) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let allows = |root: u32| {
            let internal = f32::from(self.internal[root as usize]);
            (internal + SCALE / self.sizes[root as usize] as f32).max(TEXTURE)
        };
        if f32::from(difference) > allows(a).min(allows(b)) {
            return;
        }
        let (parent, child) = if self.sizes[a as usize] >= self.sizes[b as usize] {
            (a, b)
        } else {
            (b, a)
        };
        self.parents[child as usize] = parent;
        self.sizes[parent as usize] += self.sizes[child as usize];
        self.internal[parent as usize] = difference;
    }
}
