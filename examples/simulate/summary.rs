//! What came of it, in tables.

use std::sync::Arc;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table};

use super::state::{End, State};
use super::time::{short, short_or_dash};
use super::timeline::{Lane, Timeline};
use super::words::{clean, shortened};

/// What is the least room of the last column of the containers' table.
const LAST: u16 = 16;

/// The tables: a row a container, and a row a pod. Where there is no room for a table, each row is a sentence.
pub(crate) fn summary(pods: &[Timeline], width: u16) -> String {
    let mut text = String::new();
    for line in lines(containers(pods), 6, width) {
        // A pod's name stands above its containers, as wide as it is.
        let pod = line.trim().strip_prefix('#').and_then(|number| pods.get(number.parse::<usize>().ok()?));
        match pod {
            Some(pod) => text.push_str(&format!(" {}\n", shortened(&pod.name, usize::from(width) - 1))),
            None => text.push_str(&format!("{line}\n")),
        }
    }
    text.push('\n');
    for line in lines(totals(pods), 8, width) {
        text.push_str(&format!("{line}\n"));
    }
    text
}

fn containers(pods: &[Timeline]) -> Table {
    let mut table = table();
    table.set_header(["CONTAINER", "KIND", "STARTS", "READY", "RAN", "ENDED", "WAITED FOR"]);
    for (number, pod) in pods.iter().enumerate() {
        table.add_row([format!("#{number}")]);
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
    table
}

fn totals(pods: &[Timeline]) -> Table {
    let mut table = table();
    table.set_header(["POD", "PHASE", "RUNNING", "READY", "RESTARTS", "DELETED", "STOPPED", "GONE"]);
    for pod in pods {
        let restarts: usize = pod.lanes.iter().map(|lane| lane.starts.len().saturating_sub(1)).sum();
        let deleted = pod.deleted.map(|deletion| deletion.at);
        let since_deletion = |at: Option<Duration>| {
            let after = at?.checked_sub(deleted?)?;
            Some(format!("+{}", short(after)))
        };
        let last_exit = pod.lanes.iter().filter_map(|lane| lane.exits.last()).map(|exit| exit.at).max();
        let stopped = pod.terminated_at.and(last_exit).or(pod.terminated_at);
        table.add_row([
            pod.name.to_string(),
            pod.phase().map(|phase| phase.to_string()).unwrap_or_default(),
            short_or_dash(pod.reached(node_lifecycle::api::PodPhase::Running)),
            short_or_dash(pod.ready_at),
            restarts.to_string(),
            short_or_dash(deleted),
            since_deletion(stopped).unwrap_or_else(|| short_or_dash(stopped)),
            since_deletion(pod.gone_at).unwrap_or_else(|| short_or_dash(pod.gone_at)),
        ]);
    }
    align_right(&mut table, &[2, 3, 4, 5, 6, 7]);
    table
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn align_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The lines of a table. The first columns stay whole; what comes behind them may be broken into lines.
fn lines(mut table: Table, whole: usize, width: u16) -> Vec<String> {
    let widths = table.column_max_content_widths();
    let needs: u16 = widths.iter().take(whole).map(|width| width + 2).sum();
    let last = if widths.len() > whole { LAST } else { 0 };
    if needs.saturating_add(last) > width {
        table = sentences(&table);
    } else {
        for column in table.column_iter_mut().take(whole) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.set_width(width);
    table.to_string().lines().map(|line| line.trim_end().to_owned()).collect()
}

/// The same in one column.
fn sentences(wide: &Table) -> Table {
    let mut table = table();
    let heads: Vec<_> = wide.header().map(cells).unwrap_or_default();
    for row in wide.row_iter().map(cells) {
        let mut parts = heads.iter().zip(&row);
        let name = parts.next().map(|(_, name)| name.clone()).unwrap_or_default();
        let rest: Vec<_> = parts.map(|(head, cell)| format!("{} {cell}", head.to_lowercase())).collect();
        let colon = if rest.is_empty() { "" } else { ": " };
        table.add_row([format!("{name}{colon}{}", rest.join("; "))]);
    }
    table
}

fn cells(row: &Row) -> Vec<String> {
    row.cell_iter().map(Cell::content).collect()
}

/// How its last instance ended.
fn ended(lane: &Lane) -> String {
    match (lane.state(), lane.exits.last()) {
        (State::PostStart | State::Running | State::Ready | State::PreStop | State::Stopping, _) => {
            "still runs".to_owned()
        }
        (_, Some(exit)) if exit.end == End::Killed => format!("exit {}, killed", exit.code),
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
