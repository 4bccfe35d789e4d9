//! Which places of a schema lead back to themselves: the groups of a graph in which each reaches every other.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// The number of the group of each node of `edges`; a node in no circle is a group of its own.
pub fn groups(edges: &HashMap<usize, Vec<usize>>) -> HashMap<usize, usize> {
    let mut backward: HashMap<usize, Vec<usize>> = HashMap::new();
    for (from, targets) in edges {
        targets.iter().for_each(|to| backward.entry(*to).or_default().push(*from));
    }
    let mut groups = HashMap::new();
    for start in finished_last(edges).into_iter().rev() {
        let group = groups.len();
        let mut waiting = vec![start];
        while let Some(node) = waiting.pop() {
            if let Entry::Vacant(unassigned) = groups.entry(node) {
                unassigned.insert(group);
                waiting.extend(backward.get(&node).into_iter().flatten());
            }
        }
    }
    groups
}

/// All nodes, each after those it leads to, circles aside. Without recursion, since a schema can chain thousands.
fn finished_last(edges: &HashMap<usize, Vec<usize>>) -> Vec<usize> {
    enum Visit {
        Enter(usize),
        Leave(usize),
    }
    let mut entered = HashSet::new();
    let mut finished = Vec::new();
    let mut waiting: Vec<_> = edges.keys().map(|node| Visit::Enter(*node)).collect();
    while let Some(visit) = waiting.pop() {
        match visit {
            Visit::Enter(node) => {
                if entered.insert(node) {
                    waiting.push(Visit::Leave(node));
                    waiting.extend(
                        edges.get(&node).into_iter().flatten().map(|target| Visit::Enter(*target)),
                    );
                }
            }
            Visit::Leave(node) => finished.push(node),
        }
    }
    finished
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_share_a_group_and_chains_do_not() {
        let edges = HashMap::from([
            (0, vec![1]),
            (1, vec![2, 3]),
            (2, vec![1]),
            (3, vec![4]),
            (4, vec![4]),
        ]);
        let groups = groups(&edges);
        assert_eq!(groups[&1], groups[&2]);
        let different: HashSet<_> = [0, 1, 3, 4].map(|node| groups[&node]).into();
        assert_eq!(different.len(), 4);
    }
}
