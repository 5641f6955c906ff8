//! Ids that outlive names: what a node, a camera, a zone was first called is its id for good.
//!
//! A thing is known again by its name, or, where that is new, by its mark: what a camera's source is, what a zone's
//! corners are. So a camera that is renamed keeps its id. Where nothing is kept over a restart, an id is the name.
//! Cards that were copied from one another differ in their machine's id, and begin anew.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Something with an id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) name: String,
    /// What it is known by when it is renamed.
    pub(crate) mark: u32,
    /// What belongs to it: a camera's zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Known>,
    /// Components that Home Assistant was ever told of, key and platform.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) components: BTreeMap<String, String>,
}

/// What is kept of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The machine that it is of.
    #[serde(default)]
    pub(crate) machine: String,
    /// The node. Its parts are its cameras, theirs are their zones.
    pub(crate) node: Known,
    /// The first levels of its topics.
    #[serde(default)]
    pub(crate) prefix: String,
    /// Where Home Assistant was told of it, if it was.
    #[serde(default)]
    pub(crate) discovery: Option<String>,
}

/// Gives ids to what there is now. What is known by its name keeps its id, then what is known by its mark; an id that
/// was ever given among these is not given again. What is gone is not in the answer.
pub(crate) fn assign(known: &[Known], now: &[(&str, u32)]) -> Vec<Known> {
    let mut left: Vec<Option<&Known>> = known.iter().map(Some).collect();
    let mut take = |is_it: &dyn Fn(&Known) -> bool| {
        let found = left.iter_mut().find(|one| one.is_some_and(is_it));
        found.and_then(Option::take)
    };
    let by_name: Vec<_> = now
        .iter()
        .map(|(name, _)| take(&|one: &Known| one.name == *name))
        .collect();
    let found: Vec<_> = now
        .iter()
        .zip(by_name)
        .map(|((_, mark), found)| found.or_else(|| take(&|one: &Known| one.mark == *mark)))
        .collect();
    let mut ids: BTreeSet<String> = known.iter().map(|one| one.id.clone()).collect();
    now.iter()
        .zip(found)
        .map(|(&(name, mark), found)| {
            let mut one = found.cloned().unwrap_or_default();
            if found.is_none() {
                one.id = free(&plain(name), &ids);
                ids.insert(one.id.clone());
            }
            name.clone_into(&mut one.name);
            one.mark = mark;
            one
        })
        .collect()
}

/// An id that nothing has: this one, or one with a number behind.
fn free(wanted: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{wanted}_{number}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|id| !taken.contains(id))
        .unwrap_or_default()
}

/// A name with nothing in it but what Home Assistant takes in a topic: letters, digits, '_' and '-'.
fn plain(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    if plain == name {
        return plain;
    }
    // "a.b" and "a_b" are two.
    format!("{plain}_{:08x}", crc32fast::hash(name.as_bytes()))
}

/// The mark of something that can be written down.
pub(crate) fn mark(what: &impl Serialize) -> u32 {
    crc32fast::hash(&serde_json::to_vec(what).unwrap_or_default())
}

impl Identity {
    /// The same node as it is now. One of another machine is another node.
    pub(crate) fn now(self, machine: &str, prefix: &str, node: &str, usual_prefix: bool) -> Self {
        let is_same = !self.node.id.is_empty() && self.machine == machine && self.prefix == prefix;
        let mut now = if is_same { self } else { Self::default() };
        if now.node.id.is_empty() {
            let place = crc32fast::hash(prefix.as_bytes());
            now.node.id = if usual_prefix {
                format!("fastsam_{}", plain(node))
            } else {
                format!("fastsam_{place:08x}_{}", plain(node))
            };
        }
        machine.clone_into(&mut now.machine);
        prefix.clone_into(&mut now.prefix);
        node.clone_into(&mut now.node.name);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(known: &[Known]) -> Vec<(&str, &str)> {
        known
            .iter()
            .map(|one| (one.id.as_str(), one.name.as_str()))
            .collect()
    }

    #[test]
    fn what_is_renamed_keeps_its_id() {
        let first = assign(&[], &[("yard", 1), ("door", 2)]);
        assert_eq!(ids(&first), [("yard", "yard"), ("door", "door")]);
        let renamed = assign(&first, &[("garden", 1), ("door", 2)]);
        assert_eq!(ids(&renamed), [("yard", "garden"), ("door", "door")]);
        // Another one takes the old name: it is another one.
        let another = assign(&renamed, &[("yard", 3), ("garden", 1), ("door", 2)]);
        assert_eq!(
            ids(&another),
            [("yard_2", "yard"), ("yard", "garden"), ("door", "door")]
        );
        // A name counts more than a mark: sources that were swapped stay where they are called so.
        let swapped = assign(&first, &[("yard", 2), ("door", 1)]);
        assert_eq!(ids(&swapped), [("yard", "yard"), ("door", "door")]);
        let one_left = assign(&first, &[("door", 9)]);
        assert_eq!(ids(&one_left), [("door", "door")]);
    }

    #[test]
    fn ids_are_topics_and_names_that_look_alike_are_two() {
        let now = [("a.b", 1), ("a_b", 2), ("a-b", 3)];
        let given = assign(&[], &now);
        let unique: BTreeSet<_> = given.iter().map(|one| &one.id).collect();
        assert_eq!(unique.len(), 3);
        assert_eq!(given[1].id, "a_b");
        assert!(given.iter().all(|one| !one.id.contains('.')));
    }

    #[test]
    fn a_node_that_is_renamed_is_the_same_and_a_copied_card_is_not() {
        let first = Identity::default().now("machine", "fastsam", "garden", true);
        assert_eq!(first.node.id, "fastsam_garden");
        let renamed = first.clone().now("machine", "fastsam", "yard", true);
        assert_eq!(
            (renamed.node.id.as_str(), renamed.node.name.as_str()),
            ("fastsam_garden", "yard")
        );
        let copied = first.clone().now("another", "fastsam", "shed", true);
        assert_eq!(copied.node.id, "fastsam_shed");
        let elsewhere = first.now("machine", "home/fastsam", "garden", false);
        assert!(elsewhere.node.id.ends_with("_garden") && elsewhere.node.id != "fastsam_garden");
    }
}
