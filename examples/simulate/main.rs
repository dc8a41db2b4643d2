//! Runs pods from manifests on a simulated node and draws what happens to their containers.
//!
//! ```sh
//! cargo run --release --features sim,yaml --example simulate -- PATH...
//! ```
//!
//! `--help` says what else can be asked for. From here on down: [`args`] reads the command line, [`load`] the
//! manifests, [`run`] runs them, [`timeline`] makes lanes of the trace, and [`text`], [`svg`] and [`summary`]
//! show them.

mod args;
mod axis;
mod load;
mod moments;
#[path = "../shared/pen.rs"]
mod pen;
mod run;
#[path = "../shared/shell.rs"]
mod shell;
#[path = "../shared/source.rs"]
mod source;
mod state;
mod summary;
mod svg;
mod text;
mod ticks;
mod time;
mod timeline;
#[path = "../shared/words.rs"]
mod words;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use node_lifecycle::api::Uid;
use node_lifecycle::behaviour::Behaviour;
use node_lifecycle::container::CrashLoopSettings;
use node_lifecycle::pod::{CompiledPod, WorkerSettings};
use node_lifecycle::sim::{BehaviorFile, Config, Node};

use args::{Args, Copied};
use load::{Found, Loaded};
use run::Schedule;
use shell::{BAD_INPUT, FAILED, complain, say};
use timeline::{Timeline, Timelines};

pub(crate) use shell::Io;

fn main() -> ExitCode {
    let (mut stdin, mut out, mut err) = (io::stdin(), anstream::stdout(), anstream::stderr());
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| width.0);
    let width = columns.filter(|columns| *columns > 0).or_else(terminal).unwrap_or(100);
    let mut io = Io { stdin: &mut stdin, out: &mut out, err: &mut err };
    ExitCode::from(simulate(std::env::args_os(), &mut io, width))
}

/// Does what the arguments say; gives the exit code. `width` has the columns of the terminal, where nothing else is
/// asked for.
pub(crate) fn simulate(args: impl IntoIterator<Item = OsString>, io: &mut Io<'_>, width: u16) -> u8 {
    shell::run(args, io, |args: &Args, io| follow(args, io, width))
}

fn follow(args: &Args, io: &mut Io<'_>, width: u16) -> io::Result<u8> {
    let mut loaded = load::load(&args.paths, io.stdin);
    let rules = rules(args, &mut loaded);
    let (behaviour, switched) = args.behaviour();
    if let Some(gate) = switched {
        loaded.notes.push(format!("the feature gate {gate} is on, because the shipped examples use it"));
    }
    let behaviour = Arc::new(behaviour);
    let pods = compile(&mut loaded, &behaviour);

    for note in &loaded.notes {
        say(io, "note", AnsiColor::Cyan, note)?;
    }
    for error in &loaded.errors {
        complain(io, error)?;
    }
    let code = if loaded.errors.is_empty() { 0 } else { BAD_INPUT };
    if code != 0 && !args.keep_going || pods.is_empty() {
        return Ok(code);
    }
    if args.dot {
        for (found, pod) in &pods {
            io.out.write_all(pod.ordering().dot(&name_of(found)).as_bytes())?;
        }
        return Ok(code);
    }
    let mut config = Config {
        settings: WorkerSettings {
            crash_loop: CrashLoopSettings::of_node(behaviour.gates, None),
            ..WorkerSettings::default()
        },
        behaviour,
        seed: args.seed,
        faults: args.fault,
        statuses: true,
        trace: true,
        ..Config::default()
    };
    if let Some(rules) = rules {
        config = config.with_behavior_file(rules);
    }
    match watch(args, config, pods, (io, width))? {
        Ok(()) => Ok(code),
        Err(error) => complain(io, &error).map(|()| FAILED),
    }
}

/// How containers behave, by the file that is asked for.
fn rules(args: &Args, loaded: &mut Loaded) -> Option<BehaviorFile> {
    let shipped = args.paths.is_empty().then(|| source::shipped("behavior.yaml"));
    let file = args.behavior.clone().or(shipped)?;
    load::behavior(&file).map_err(|error| loaded.errors.push(error)).ok()
}

/// The pods that can be run; the others are said to be wrong.
fn compile(loaded: &mut Loaded, behaviour: &Arc<Behaviour>) -> Vec<(Found, CompiledPod)> {
    let mut compiled = Vec::new();
    for found in std::mem::take(&mut loaded.pods) {
        match CompiledPod::compile(&found.pod, behaviour) {
            Ok(pod) => compiled.push((found, pod)),
            Err(error) => loaded.errors.push(found.refuse(&error)),
        }
    }
    compiled
}

/// Runs the pods and shows what happened.
fn watch(
    args: &Args,
    config: Config,
    pods: Vec<(Found, CompiledPod)>,
    (io, width): (&mut Io<'_>, u16),
) -> io::Result<Result<(), String>> {
    let schedule = Schedule {
        delete_after: args.delete_after(),
        grace: args.grace,
        restarts: args.restart_agent_at.iter().map(|at| at.0).collect(),
        end: args.until(),
    };
    let mut node = Node::new(config);
    let start = node.now();
    let mut timelines = Timelines::default();
    let mut uids: Vec<Uid> = Vec::new();
    for (found, pod) in pods {
        timelines.expect(name_of(&found).into(), found.source.clone(), &pod, start);
        match node.add(found.pod.clone()) {
            Ok(uid) => uids.push(uid),
            Err(error) => return Ok(Err(found.refuse(&error))),
        }
    }
    let is_drawn = !args.json || args.svg.is_some();
    let ran = run::run(&mut node, &uids, &schedule, |entries| {
        if is_drawn {
            entries.iter().for_each(|entry| timelines.take(entry));
        }
        if args.json { print_json(&mut *io.out, &entries) } else { Ok(()) }
    });
    match ran {
        Ok(()) => {}
        Err(run::RunError::Output(error)) => return Err(error),
        Err(error) => return Ok(Err(error.to_string())),
    }
    let pods = timelines.finish(schedule.end);
    if !args.json {
        print_text(args, &pods, io, width)?;
    }
    if let Some(file) = &args.svg {
        let drawn = svg::draw(&pods).and_then(|picture| std::fs::write(file, picture));
        return Ok(drawn.map_err(|error| format!("{}: {error}", source::shown(file))));
    }
    Ok(Ok(()))
}

fn print_json(out: &mut dyn Write, entries: &[node_lifecycle::sim::TraceEntry]) -> io::Result<()> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, entry)?;
        lines.push(b'\n');
    }
    out.write_all(&lines)
}

fn print_text(args: &Args, pods: &[Timeline], io: &mut Io<'_>, width: u16) -> io::Result<()> {
    let width = args.width.unwrap_or(width).clamp(40, 1000);
    let mut text = heading(args, pods.len());
    text.push('\n');
    text.push_str(&text::legend(pods, width.into()));
    text.push('\n');
    for pod in pods {
        text.push_str(&text::draw(pod, width.into()));
        text.push('\n');
    }
    text.push_str(&summary::summary(pods, width));
    io.out.write_all(text.as_bytes())
}

/// What is run, in a line or two.
fn heading(args: &Args, pods: usize) -> String {
    let bold = Style::new().bold();
    let mut text = format!("{bold}{pods} pod{} on one node", if pods == 1 { "" } else { "s" });
    match args.delete_after().filter(|after| *after <= args.until()) {
        Some(after) => text.push_str(&format!(", deleted after {}", time::short(after))),
        None => text.push_str(&format!(", seen for {}, not deleted", time::short(args.until()))),
    }
    if args.fault.per_mille > 0 {
        let rate = f64::from(args.fault.per_mille) / 1000.0;
        text.push_str(&format!("; faults at a rate of {rate}, seed {}", args.seed));
    }
    text.push_str(&format!("{bold:#}\n"));
    if args.compat == Copied::Kubelet132 {
        text.push_str("The faults of the kubelet 1.32 are copied (--compat kubelet-1.32).\n");
    }
    text
}

/// The pod's name as the trace has it.
fn name_of(found: &Found) -> String {
    format!("{}/{}", found.pod.metadata.namespace, found.pod.metadata.name)
}
