//! The rows from `sandbox-numbers` to `sandbox-relinked`: what a call pays for what a component imports, exports and has,
//! changed one at a time. The small component that everything is compared with is measured in the same rounds.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::command_line::Bench;
use super::helper_process::HelperProcess;
use super::rows::{
    Measured, Row, SANDBOX_EXPORTS, SANDBOX_FUNCTIONS, SANDBOX_MODULES, SANDBOX_NUMBERS,
    SANDBOX_PAGES, SANDBOX_RELINKED, SANDBOX_STRINGS, SANDBOX_TABLE, Side, median_of,
};
use super::shapes::{SMALL, Shape};

#[derive(Debug, Serialize, Deserialize)]
pub struct ShapedRun {
    pub shape: Shape,
    /// The component is compiled as the host compiles it.
    pub relinked: bool,
    pub warm_up: Duration,
    pub window: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ShapedCalls {
    pub per_second: f64,
    pub cpu_us: f64,
}

/// What differs from the small component, and by how much.
const VARIED: [(&Row, Shape); 7] = [
    (&SANDBOX_NUMBERS, Shape { numbers: 50, ..SMALL }),
    (&SANDBOX_STRINGS, Shape { strings: 50, ..SMALL }),
    (&SANDBOX_EXPORTS, Shape { exports: 50, ..SMALL }),
    (&SANDBOX_FUNCTIONS, Shape { functions: 5_000, ..SMALL }),
    (&SANDBOX_TABLE, Shape { elements: 5_000, ..SMALL }),
    (&SANDBOX_PAGES, Shape { pages: 170, ..SMALL }),
    (&SANDBOX_MODULES, Shape { modules: 10, ..SMALL }),
];

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let calls = |shape, relinked| {
        let (warm_up, window) = (bench.warm_up(), bench.window());
        let run = ShapedRun { shape, relinked, warm_up, window };
        HelperProcess::start("shaped-calls", &run)?.report::<ShapedCalls>()
    };
    let (mut small, mut relinked) = (Vec::new(), Vec::new());
    let mut varied: Vec<Vec<ShapedCalls>> = VARIED.iter().map(|_| Vec::new()).collect();
    for round in 1..=bench.rounds {
        small.push(calls(SMALL, false)?);
        for (measured, (_, shape)) in varied.iter_mut().zip(&VARIED) {
            measured.push(calls(*shape, false)?);
        }
        relinked.push(calls(Shape { strings: 50, ..SMALL }, true)?);
        bench.progress(&format!(
            "round {round}: {:.2} us of CPU for the small one",
            small[round - 1].cpu_us
        ));
    }
    let mut rows: Vec<Measured> = VARIED
        .iter()
        .zip(&varied)
        .map(|((row, _), varied)| compared(row, varied, &small))
        .collect();
    rows.push(compared(&SANDBOX_RELINKED, &relinked, &varied[1]));
    Ok(rows)
}

fn compared(row: &'static Row, ours: &[ShapedCalls], other: &[ShapedCalls]) -> Measured {
    let ratios = ours.iter().zip(other).map(|(ours, other)| ours.cpu_us / other.cpu_us).collect();
    Measured::new(row, ratios, vec![side("this", ours), side("compared with", other)])
}

fn side(name: &'static str, calls: &[ShapedCalls]) -> Side {
    let cpu_us = Some(median_of(calls, |calls| calls.cpu_us));
    Side { name, per_second: median_of(calls, |calls| calls.per_second), cpu_us }
}
