//! The orders as text and as Graphviz.

use std::fmt::{self, Write as _};

use petgraph::visit::{EdgeRef, IntoNodeReferences};

use super::{Direction, Ordering};
use crate::container::{ContainerKind, ContainerSet};

impl fmt::Display for Ordering {
    /// Two lines: the groups that start together, and the groups that stop together.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, direction) in [("start: ", Direction::Start), ("stop:  ", Direction::Stop)] {
            f.write_str(title)?;
            for (n, stage) in self.stages(direction).into_iter().enumerate() {
                f.write_str(if n == 0 { "" } else { ", then " })?;
                self.write_stage(f, stage)?;
            }
            f.write_char('\n')?;
        }
        Ok(())
    }
}

impl Ordering {
    fn write_stage(&self, f: &mut fmt::Formatter<'_>, stage: ContainerSet) -> fmt::Result {
        for (n, index) in stage.iter().enumerate() {
            f.write_str(match n {
                0 => "",
                n if n + 1 == stage.len() => " and ",
                _ => ", ",
            })?;
            let node = self.node(index);
            match node.kind {
                ContainerKind::App => f.write_str(&node.name)?,
                kind => write!(f, "{} ({kind})", node.name)?,
            }
        }
        Ok(())
    }

    /// The graph in Graphviz' DOT language: solid arrows for the way up, dashed ones for the way down, bold
    /// ones for the caller's own.
    #[must_use]
    pub fn dot(&self, title: &str) -> String {
        let mut dot =
            format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=rounded];\n", quoted(title));
        for (node, weight) in self.graph.node_references() {
            let label = quoted(&format!("{}\n{}", weight.name, weight.kind));
            // Writing to a string cannot fail.
            let _ = writeln!(dot, "  n{} [label={label}];", node.index());
        }
        for edge in self.graph.edge_references() {
            let (style, color) = match edge.weight().direction {
                Direction::Start => ("solid", "darkgreen"),
                Direction::Stop => ("dashed", "firebrick"),
            };
            let bold = if edge.weight().added { ", penwidth=2" } else { "" };
            let (from, to) = (edge.source().index(), edge.target().index());
            let direction = edge.weight().direction;
            let _ =
                writeln!(dot, "  n{from} -> n{to} [label={direction}, style={style}, color={color}{bold}];");
        }
        dot.push_str("}\n");
        dot
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted() {
        assert_eq!(quoted("a\"b\\\n"), r#""a\"b\\\n""#);
    }
}
