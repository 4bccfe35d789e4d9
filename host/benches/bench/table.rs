//! Measures one group of rows after the other and prints the table. Must never print anything else
//! to standard output.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Result, ensure};

use super::command_line::{Bench, ROUNDS};
use super::rows::{self, Bar, Measured, Row, Side, median};
use super::{
    backlog, beside, deliveries, fairness, http, instances, machine, plugins, sandbox,
    sandbox_shapes, ticks, webhooks, workers, writes,
};

/// Rows that are measured together because they share a side.
struct Group {
    rows: &'static [&'static Row],
    measure: fn(&Bench) -> Result<Vec<Measured>>,
}

const GROUPS: &[Group] = &[
    Group { rows: &[&rows::PLAIN_CPU, &rows::PLAIN_RATE], measure: http::measure },
    Group {
        rows: &[&rows::SANDBOX_SETTINGS, &rows::SANDBOX_THREADS, &rows::RESIDENT],
        measure: sandbox::measure,
    },
    Group {
        rows: &[
            &rows::SANDBOX_NUMBERS,
            &rows::SANDBOX_STRINGS,
            &rows::SANDBOX_EXPORTS,
            &rows::SANDBOX_FUNCTIONS,
            &rows::SANDBOX_TABLE,
            &rows::SANDBOX_PAGES,
            &rows::SANDBOX_MODULES,
            &rows::SANDBOX_RELINKED,
        ],
        measure: sandbox_shapes::measure,
    },
    Group {
        rows: &[&rows::WRITE_CALLS, &rows::WRITE_LOOP, &rows::WRITE_ONE],
        measure: writes::measure,
    },
    Group {
        rows: &[&rows::INSTANCES_LATENCY, &rows::INSTANCES_MEMORY],
        measure: instances::measure,
    },
    Group { rows: &[&rows::PLUGINS_START], measure: plugins::measure },
    Group { rows: &[&rows::FAIRNESS], measure: fairness::measure },
    Group { rows: &[&rows::TICKS], measure: ticks::measure },
    Group { rows: &[&rows::DELIVERIES_RATE], measure: deliveries::measure_rate },
    Group { rows: &[&rows::DELIVERIES_HANGING], measure: deliveries::measure_hanging },
    Group { rows: &[&rows::WEBHOOKS], measure: webhooks::measure },
    Group { rows: &[&rows::EVENTS_LATENCY], measure: backlog::measure },
    Group { rows: &[&rows::HOOKS_IDLE, &rows::HOOKS_STEP], measure: beside::hooks },
    Group { rows: &[&rows::MONITORING, &rows::MONITORING_BLOCKED], measure: beside::monitoring },
    Group { rows: &[&rows::WORKERS], measure: workers::measure },
];

pub fn names() -> Vec<&'static str> {
    GROUPS.iter().flat_map(|group| group.rows).map(|row| row.name).collect()
}

pub fn has_row(prefix: &str) -> bool {
    names().iter().any(|name| name.starts_with(prefix))
}

/// If a group fails, the others keep their lines, and the benchmark fails at the end.
pub fn show(bench: &Bench) -> Result<()> {
    let mut out = format!("{}\n\n{}\n", machine::describe()?, heading(bench));
    let mut failed = 0;
    for group in GROUPS.iter().filter(|group| group.rows.iter().any(|row| bench.wants(row.name))) {
        eprintln!("{}", group.rows.iter().map(|row| row.name).collect::<Vec<_>>().join(", "));
        match (group.measure)(bench) {
            Ok(measured) => out.extend(
                measured
                    .iter()
                    .filter(|each| bench.wants(each.row.name))
                    .map(|each| line(bench, each)),
            ),
            Err(error) => {
                failed += 1;
                eprintln!("error: {error:#}");
                out.extend(
                    group
                        .rows
                        .iter()
                        .map(|row| format!("{:<18} {}: FAILED, see above\n", row.name, row.what)),
                );
            }
        }
    }
    std::io::stdout().write_all(out.as_bytes())?;
    ensure!(
        failed == 0,
        "{failed} groups of rows could not be measured; each one's reason stands above the table"
    );
    Ok(())
}

fn heading(bench: &Bench) -> String {
    let quick = if bench.quick { ", quick: too little to judge anything by" } else { "" };
    format!(
        "medians of {} alternating rounds{quick}; CPU is the server's, user and system\n\n\
         {:<18} {:>10} {:>15} {:>8} {:>8} {:<10} sides",
        bench.rounds, "row", "ratio", "least … most", "bar", "stretch", "verdict"
    )
}

fn line(bench: &Bench, measured: &Measured) -> String {
    let row = measured.row;
    let ratio = median(&measured.ratios);
    let least = measured.ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = measured.ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (sign, bar, stretch) = match row.bar {
        Bar::AtLeast { bar, stretch } => ('≥', bar, stretch),
        Bar::AtMost { bar, stretch } => ('≤', bar, stretch),
    };
    let verdict = if is_judged(bench, measured) { row.bar.verdict(ratio) } else { "not judged" };
    let sides = measured.sides.iter().map(side).collect::<Vec<_>>().join(" | ");
    let mut line = format!(
        "{:<18} {:>10} {:>15} {:>8} {:>8} {verdict:<10} {sides}\n{:<18} {}\n",
        row.name,
        format!("{ratio:.3}{}", row.unit),
        format!("{least:.3} … {most:.3}"),
        format!("{sign} {bar}"),
        format!("{sign} {stretch}"),
        "",
        row.what,
    );
    for remark in measured.not_judged.iter().chain(&measured.note) {
        // Writing to a string does not fail.
        let _infallible = writeln!(line, "{:<18} {remark}", "");
    }
    line
}

fn is_judged(bench: &Bench, measured: &Measured) -> bool {
    !bench.quick && bench.rounds >= ROUNDS && measured.not_judged.is_none()
}

fn side(side: &Side) -> String {
    let cpu = side.cpu_us.map(|cpu| format!(" {cpu:.1} us CPU")).unwrap_or_default();
    format!("{}: {:.0}/s{cpu}", side.name, side.per_second)
}
