//! Adds up the weights of all schemas that apply to one part of a value: visits, or the time of their patterns.
//!
//! It follows the schema only, never a value: it adds up the weights at each place, and returns the largest
//! sum.

use std::collections::{HashMap, HashSet};

use super::SchemaError;
use super::cycles::{self, Closing};
use super::place_costs::{PlaceCost, place_costs};
use super::places::Place;
use super::references::{Node, References, SchemaId};
use super::room::Room;

/// No value is nested deeper, because the parser refuses it.
pub const VALUE_DEPTH: usize = 128;

/// The places of a schema. If a reference leads back to where it came from, the validator remembers the result
/// for each object or array, and so applies its target once. It remembers nothing for a text or number, to
/// which it applies the target for each reference.
pub struct Applied {
    place_costs: HashMap<SchemaId, PlaceCost>,
    led_back: HashSet<SchemaId>,
}

type Weights = HashMap<SchemaId, f64>;

impl Applied {
    pub fn of(references: &References, room: &mut Room) -> Result<Applied, SchemaError> {
        let closing = closing(references);
        let led_back: HashSet<SchemaId> = closing.iter().map(|(_, to)| *to).collect();
        let starts = led_back.iter().copied().chain([0]).collect();
        let place_costs = place_costs(references, starts, &closing)?;
        room.take_places(place_costs.values().map(|place| place.visits).sum())?;
        Ok(Applied { place_costs, led_back })
    }

    /// The largest weight of one part of any value, if each schema has this weight where it applies; or the
    /// place where it is more than `limit`.
    pub fn most(&self, weight: impl Fn(SchemaId) -> f64, limit: f64) -> Result<f64, SchemaId> {
        let sum = |place: &PlaceCost| place.same.iter().map(|id| weight(*id)).sum::<f64>();
        let mut own: Weights =
            self.place_costs.iter().map(|(id, place)| (*id, sum(place))).collect();
        let alone: Weights = self.led_back.iter().map(|id| (*id, own[id])).collect();
        for (id, place) in &self.place_costs {
            let again = place.again.iter().map(|id| alone[id]).sum::<f64>();
            own.entry(*id).and_modify(|own| *own += again);
        }
        let most = self.at_any_depth(&own, limit)?;
        let all = most.values().copied().fold(0.0, f64::max)
            + self.led_back.iter().map(|id| most[id]).sum::<f64>();
        if all > limit { Err(0) } else { Ok(all) }
    }

    fn at_any_depth(&self, own: &Weights, limit: f64) -> Result<Weights, SchemaId> {
        let mut at_depth = own.clone();
        for _ in 0..VALUE_DEPTH {
            if let Some((id, _)) = at_depth.iter().find(|(_, weight)| **weight > limit) {
                return Err(*id);
            }
            let next = visits_one_deeper(&self.place_costs, own, &at_depth);
            if next == at_depth {
                break;
            }
            at_depth = next;
        }
        Ok(at_depth)
    }
}

/// The references that lead back to where they came from.
fn closing(references: &References) -> Closing {
    let applied = |node: &Node| {
        let edges = node.edges.iter().filter(|(place, _)| *place != Place::Elsewhere);
        edges.map(|(_, target)| *target).collect()
    };
    cycles::closing(&references.schemas.iter().map(applied).collect::<Vec<_>>())
}

pub fn visits_one_deeper(
    place_costs: &HashMap<SchemaId, PlaceCost>,
    own: &Weights,
    inside: &Weights,
) -> Weights {
    place_costs
        .iter()
        .map(|(id, place)| (*id, place.most(own[id], |target| inside[&target])))
        .collect()
}
