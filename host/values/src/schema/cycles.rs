//! Finds the references of a schema that lead back to where they came from: the edges without which the graph
//! has no cycle.

use std::collections::HashSet;

/// Edges, from node to node.
pub type Closing = HashSet<(usize, usize)>;

/// The edges that lead back to a node on the path from node 0, in the order in which `edges` lists the targets
/// of each node. It uses no recursion, because a schema can chain thousands.
pub fn closing(edges: &[Vec<usize>]) -> Closing {
    let mut closing = Closing::new();
    let (mut entered, mut on_the_way) = (HashSet::from([0]), HashSet::from([0]));
    let mut way = vec![(0, edges[0].iter())];
    while let Some((node, targets)) = way.last_mut() {
        match targets.next() {
            Some(target) if on_the_way.contains(target) => {
                closing.insert((*node, *target));
            }
            Some(target) if entered.insert(*target) => {
                on_the_way.insert(*target);
                way.push((*target, edges[*target].iter()));
            }
            Some(_) => {}
            None => {
                on_the_way.remove(node);
                way.pop();
            }
        }
    }
    closing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_closed_once_and_chains_not_at_all() {
        let edges = [vec![1, 3], vec![2, 3], vec![1], vec![4], vec![4], vec![0]];
        assert_eq!(closing(&edges), Closing::from([(2, 1), (4, 4)]));
    }
}
