//! What came of it, in tables.

use std::sync::Arc;
use std::time::Duration;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::state::{End, State};
use super::text::clean;
use super::time::{short, short_or_dash};
use super::timeline::{Lane, Timeline};

/// The tables: a row a container, and a row a pod.
pub(crate) fn summary(pods: &[Timeline], width: u16) -> String {
    format!("{}\n\n{}\n", trimmed(&containers(pods, width)), trimmed(&totals(pods, width)))
}

fn containers(pods: &[Timeline], width: u16) -> Table {
    let mut table = table(width);
    table.set_header(["CONTAINER", "KIND", "STARTS", "READY", "RAN", "ENDED", "WAITED FOR"]);
    for pod in pods {
        table.add_row([pod.name.to_string()]);
        for lane in &pod.lanes {
            table.add_row([
                format!("  {}", lane.name),
                lane.kind.to_string(),
                lane.starts.len().to_string(),
                short_or_dash(lane.ready_at),
                short(lane.ran()),
                ended(lane),
                waited(pod, lane),
            ]);
        }
    }
    align_right(&mut table, &[2, 3, 4]);
    keep_whole(&mut table, 7, width);
    table
}

fn totals(pods: &[Timeline], width: u16) -> Table {
    let mut table = table(width);
    table.set_header(["POD", "PHASE", "RUNNING", "READY", "RESTARTS", "DELETED", "STOPPED", "GONE"]);
    for pod in pods {
        let restarts: usize = pod.lanes.iter().map(|lane| lane.starts.len().saturating_sub(1)).sum();
        let deleted = pod.deleted.map(|deletion| deletion.at);
        let since_deletion = |at: Option<Duration>| {
            let after = at?.checked_sub(deleted?)?;
            Some(format!("+{}", short(after)))
        };
        let last_exit = pod.lanes.iter().filter_map(|lane| lane.exits.last()).map(|exit| exit.at).max();
        table.add_row([
            pod.name.to_string(),
            pod.phase().map(|phase| phase.to_string()).unwrap_or_default(),
            short_or_dash(pod.reached(node_lifecycle::api::PodPhase::Running)),
            short_or_dash(pod.ready_at),
            restarts.to_string(),
            short_or_dash(deleted),
            since_deletion(last_exit).unwrap_or_else(|| short_or_dash(pod.terminated_at)),
            since_deletion(pod.gone_at).unwrap_or_else(|| short_or_dash(pod.gone_at)),
        ]);
    }
    align_right(&mut table, &[2, 3, 4, 5, 6, 7]);
    table
}

fn table(width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table
}

fn align_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Breaks only the last column into lines, where that leaves it some room.
fn keep_whole(table: &mut Table, columns: usize, width: u16) {
    let needs =
        table.column_max_content_widths().iter().take(columns - 1).map(|width| width + 2).sum::<u16>();
    if needs.saturating_add(16) > width {
        return;
    }
    for column in table.column_iter_mut().take(columns - 1) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

fn trimmed(table: &Table) -> String {
    let lines: Vec<_> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// How its last instance ended.
fn ended(lane: &Lane) -> String {
    match (lane.state(), lane.exits.last()) {
        (State::Running | State::Ready | State::PreStop | State::Stopping, _) => "still runs".to_owned(),
        (_, Some(exit)) if exit.end == End::Killed => format!("killed, exit {}", exit.code),
        (_, Some(exit)) => format!("exit {}", exit.code),
        (State::Ended, None) => "never started".to_owned(),
        (_, None) => "not started yet".to_owned(),
    }
}

/// What it waited for, and how long.
fn waited(pod: &Timeline, lane: &Lane) -> String {
    let mut waits = Vec::new();
    let mut add = |time: Duration, what: String| {
        if !time.is_zero() {
            waits.push(format!("{what} {}", short(time)));
        }
    };
    let turn = lane.spent(|state| state == State::Waiting);
    let its_turn = if pod.sandbox_at.is_some_and(|at| at < turn) { "its turn" } else { "sandbox" };
    add(turn, names(&lane.follows.0).unwrap_or_else(|| its_turn.to_owned()));
    add(lane.spent(|state| state == State::Pulling), "image".to_owned());
    add(lane.spent(|state| state == State::BackOff), "back-off".to_owned());
    if let Some(deletion) = pod.deleted
        && lane.told_to_stop_at.is_some_and(|told| told >= deletion.at)
        && let Some(names) = names(&lane.follows.1)
    {
        add(lane.idle_since(deletion.at), format!("to stop: {names}"));
    }
    clean(&waits.join(", "))
}

fn names(names: &[Arc<str>]) -> Option<String> {
    (!names.is_empty()).then(|| names.iter().map(|name| &**name).collect::<Vec<_>>().join(" and "))
}
