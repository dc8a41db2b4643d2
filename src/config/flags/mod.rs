//! The command line of the kubelet 1.32, as far as it sets fields of the configuration.
//!
//! [`Flags::parse`] reads arguments as the kubelet does: `--name=value` and `--name value`, `_` for `-` in names, booleans
//! without a value, lists with commas, and maps as `key=value,…` (`key<value,…` for evictions). A flag that stands twice
//! counts the last time, but that lists and maps grow. Flags of the kubelet that set no field are read and left alone.
//!
//! ```
//! use node_lifecycle::config::Flags;
//!
//! let flags = Flags::parse(&["--max-pods=60", "--eviction-hard", "memory.available<1Gi", "--node-ip=10.0.0.7"]);
//! assert_eq!(flags.errors(), []);
//! let set: Vec<_> = flags.settings().map(|set| (set.flag, set.path, set.value().to_string())).collect();
//! assert_eq!(set, [
//!     ("--eviction-hard", "evictionHard", r#"{"memory.available":"1Gi"}"#.to_owned()),
//!     ("--max-pods", "maxPods", "60".to_owned()),
//! ]);
//! assert_eq!(flags.without_field().collect::<Vec<_>>(), ["--node-ip"]);
//!
//! let wrong = Flags::parse(&["--max-pods=many"]);
//! assert_eq!(
//!     wrong.errors()[0].to_string(),
//!     r#"invalid argument "many" for "--max-pods" flag: strconv.ParseInt: parsing "many": invalid syntax"#
//! );
//! ```

mod table;
mod value;

use std::collections::BTreeMap;

use thiserror::Error;

use super::schema;
use crate::behaviour::FeatureGateSettings;
use crate::document::Node;
use table::{FLAGS, Flag, FlagKind, OTHER_BOOLEANS, OTHERS};

/// What the flags of a command line say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flags {
    settings: BTreeMap<&'static str, FlagSetting>,
    without_field: Vec<String>,
    errors: Vec<FlagError>,
}

/// What a flag says of a field.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FlagSetting {
    /// The flag, with its dashes.
    pub flag: &'static str,
    /// The path of the field.
    pub path: &'static str,
    pub(super) value: Node,
}

impl FlagSetting {
    /// The value, as it would stand in a file.
    pub fn value(&self) -> serde_json::Value {
        self.value.to_json()
    }
}

/// What is wrong with an argument, in the kubelet's words; what would be right follows where it is known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FlagError {
    /// There is no such flag.
    #[error("unknown flag: {flag}{}", nearest.map_or(String::new(), |nearest| format!("; did you mean {nearest}?")))]
    Unknown {
        /// The flag, as it was given.
        flag: String,
        /// The nearest one that exists.
        nearest: Option<&'static str>,
    },
    /// A flag ends the line that needs a value.
    #[error("flag needs an argument: {flag}")]
    NoArgument {
        /// The flag.
        flag: String,
    },
    /// Something that looks like a flag and is none.
    #[error("bad flag syntax: {argument}")]
    Syntax {
        /// The argument.
        argument: String,
    },
    /// The value does not fit.
    #[error("invalid argument {value:?} for {flag:?} flag: {message}")]
    Value {
        /// The value.
        value: String,
        /// The flag.
        flag: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// An argument that belongs to no flag.
    #[error("unknown command {argument}; write --flag=value where a flag is true or false")]
    Command {
        /// The argument.
        argument: String,
    },
}

impl Flags {
    /// Reads the arguments of a kubelet, without its own name. What is wrong is kept, so that it is reported with what is
    /// wrong with the files.
    pub fn parse(arguments: &[impl AsRef<str>]) -> Self {
        let mut flags = Self::default();
        let mut arguments = arguments.iter().map(AsRef::as_ref);
        while let Some(argument) = arguments.next() {
            match argument {
                "--" => {
                    flags.errors.extend(arguments.by_ref().next().map(command));
                    break;
                }
                _ if !argument.starts_with('-') || argument == "-" => flags.errors.push(command(argument)),
                _ => flags.read(argument, &mut arguments),
            }
        }
        flags
    }

    fn read<'a>(&mut self, argument: &'a str, rest: &mut impl Iterator<Item = &'a str>) {
        let (name, value) = match argument.strip_prefix("--") {
            Some(flag) => match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag, None),
            },
            // `-v` is the only short one that sets something: `-v4`, `-v=4`, `-v 4`.
            None => match argument.strip_prefix("-v") {
                Some("") => ("v", None),
                Some(value) => ("v", Some(value.strip_prefix('=').unwrap_or(value))),
                None => (argument.trim_start_matches('-'), None),
            },
        };
        let name = name.replace('_', "-");
        if name.is_empty() || name.starts_with('-') {
            return self.errors.push(FlagError::Syntax { argument: argument.to_owned() });
        }
        let flag = FLAGS.iter().find(|flag| flag.name[2..] == name);
        let is_other = OTHERS.contains(&name.as_str());
        let is_other_boolean = OTHER_BOOLEANS.contains(&name.as_str());
        if flag.is_none() && !is_other && !is_other_boolean {
            let known = FLAGS.iter().map(|flag| flag.name);
            let nearest = schema::nearest_name(known, &format!("--{name}"));
            return self.errors.push(FlagError::Unknown { flag: format!("--{name}"), nearest });
        }
        let is_boolean = is_other_boolean || flag.is_some_and(|flag| flag.kind == FlagKind::Bool);
        let value = match value {
            Some(value) => value,
            None if is_boolean => "true",
            None => match rest.next() {
                Some(value) => value,
                None => return self.errors.push(FlagError::NoArgument { flag: format!("--{name}") }),
            },
        };
        match flag {
            Some(flag) => self.set(flag, value),
            None => self.without_field.push(format!("--{name}")),
        }
    }

    fn set(&mut self, flag: &'static Flag, text: &str) {
        let earlier = self.settings.get(flag.name).map(|set| set.value.value());
        match value::read(flag.kind, text, earlier) {
            Ok(value) => {
                let setting = FlagSetting { flag: flag.name, path: flag.path, value: Node::of(value) };
                self.settings.insert(flag.name, setting);
            }
            Err(message) => {
                self.errors.push(FlagError::Value { value: text.to_owned(), flag: flag.name, message });
            }
        }
    }

    /// What is set, in the order of the flags' names.
    pub fn settings(&self) -> impl Iterator<Item = &FlagSetting> {
        self.settings.values()
    }

    /// The flags of the kubelet that set no field, with their dashes, in the order of the line.
    pub fn without_field(&self) -> impl Iterator<Item = &str> {
        self.without_field.iter().map(String::as_str)
    }

    /// Everything that is wrong, in the order of the line. The kubelet stops at the first.
    pub fn errors(&self) -> &[FlagError] {
        &self.errors
    }

    /// What `--feature-gates` says.
    pub fn feature_gates(&self) -> FeatureGateSettings {
        let gates = self.settings.get("--feature-gates").and_then(|set| set.value.as_mapping());
        let gates = gates.into_iter().flatten();
        gates.filter_map(|gate| Some((gate.key(), gate.node().as_bool()?))).collect()
    }
}

fn command(argument: &str) -> FlagError {
    FlagError::Command { argument: argument.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FieldKind;

    #[test]
    fn every_flag_leads_to_a_field_of_its_kind() {
        for flag in FLAGS {
            let kind = schema::ROOT.at(flag.path.split('.'));
            let fits = match flag.kind {
                FlagKind::Bool => kind == Some(FieldKind::Bool),
                FlagKind::Int32 => kind == Some(FieldKind::Int32),
                FlagKind::Int64 => kind == Some(FieldKind::Int64),
                FlagKind::Uint32 => kind == Some(FieldKind::Uint32),
                FlagKind::String | FlagKind::Ip => kind == Some(FieldKind::String),
                FlagKind::Quantity => kind == Some(FieldKind::Quantity),
                FlagKind::Duration => {
                    matches!(kind, Some(FieldKind::Duration | FieldKind::DurationOrNanoseconds))
                }
                FlagKind::List | FlagKind::Taints | FlagKind::ReservedMemory | FlagKind::VModule => {
                    matches!(kind, Some(FieldKind::List(_)))
                }
                FlagKind::Map(_) | FlagKind::MapWhole | FlagKind::Headers | FlagKind::Gates => {
                    matches!(kind, Some(FieldKind::Map(_)))
                }
            };
            assert!(fits, "{}: {kind:?}", flag.name);
        }
        let mut names: Vec<_> = FLAGS.iter().map(|flag| &flag.name[2..]).collect();
        names.extend(OTHERS.iter().chain(OTHER_BOOLEANS));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a flag stands twice");
    }

    fn set(arguments: &[&str]) -> serde_json::Value {
        let flags = Flags::parse(arguments);
        assert_eq!(flags.errors(), [], "{arguments:?}");
        flags.settings().map(|set| (set.path.to_owned(), set.value())).collect()
    }

    #[test]
    fn lines_are_read_as_by_the_kubelet() {
        use serde_json::json;
        assert_eq!(
            set(&[
                "--fail-swap-on",
                "--max_pods",
                "0x20",
                "-v4",
                "--cluster-dns=1.1.1.1,8.8.8.8",
                "--cluster-dns=9.9.9.9"
            ]),
            json!({"failSwapOn": true, "maxPods": 32, "logging.verbosity": 4,
                   "clusterDNS": ["1.1.1.1", "8.8.8.8", "9.9.9.9"]})
        );
        assert_eq!(
            set(&[
                "--eviction-soft=memory.available<1Gi, nodefs.available <10%",
                "--eviction-soft=memory.available<2Gi",
                "--manifest-url-header=a:hello,b:again,a:world",
                "--feature-gates=NodeSwap=t,MemoryQoS=false",
                "--sync-frequency=90s"
            ]),
            json!({"evictionSoft": {"memory.available": "2Gi", "nodefs.available": "10%"},
                   "staticPodURLHeader": {"a": ["hello", "world"], "b": ["again"]},
                   "featureGates": {"NodeSwap": true, "MemoryQoS": false}, "syncFrequency": "1m30s"})
        );
        assert_eq!(
            set(&[
                "--register-with-taints=a=b:NoSchedule,c:NoExecute",
                "--reserved-memory=0:memory=1Gi,hugepages-1M=2Gi",
                "--reserved-memory=1:memory=2Gi",
                "--vmodule=a*=2,b=3"
            ]),
            json!({"registerWithTaints": [{"key": "a", "value": "b", "effect": "NoSchedule"},
                                          {"key": "c", "effect": "NoExecute"}],
                   "reservedMemory": [{"numaNode": 0, "limits": {"memory": "1Gi", "hugepages-1M": "2Gi"}},
                                      {"numaNode": 1, "limits": {"memory": "2Gi"}}],
                   "logging.vmodule": [{"filePattern": "a*", "verbosity": 2}, {"filePattern": "b", "verbosity": 3}]})
        );
    }

    /// What a line says is collected once, and not copied for each of its parts.
    #[test]
    fn a_long_line_costs_little() {
        let parts = |part: fn(usize) -> String| (0..10_000).map(part).collect::<Vec<_>>().join(",");
        let headers = format!("--manifest-url-header={}", parts(|n| format!("a:{n}")));
        let gates = format!("--feature-gates={}", parts(|n| format!("Gate{n}=true")));
        let flags = Flags::parse(&[headers.as_str(), "--manifest-url-header=b:0,a:last", &gates]);
        assert_eq!((flags.errors().len(), flags.feature_gates().iter().len()), (0, 10_000));
        let headers = flags.settings().find(|set| set.path == "staticPodURLHeader").unwrap().value();
        let list = headers["a"].as_array().unwrap();
        assert_eq!(
            (list.len(), list[9_999].as_str(), list[10_000].as_str()),
            (10_001, Some("9999"), Some("last"))
        );
        assert_eq!(headers["b"][0], "0");
    }

    #[test]
    fn what_is_wrong_is_said_as_the_kubelet_says_it() {
        for (argument, message) in [
            ("--maxpods=3", "unknown flag: --maxpods; did you mean --max-pods?"),
            ("--max-pods", "flag needs an argument: --max-pods"),
            ("--=3", "bad flag syntax: --=3"),
            ("now", "unknown command now; write --flag=value where a flag is true or false"),
            (
                "--max-pods=3000000000",
                "invalid argument \"3000000000\" for \"--max-pods\" flag: strconv.ParseInt: parsing \"3000000000\": value \
                 out of range",
            ),
            (
                "--fail-swap-on=yes",
                "invalid argument \"yes\" for \"--fail-swap-on\" flag: strconv.ParseBool: parsing \"yes\": invalid syntax",
            ),
            (
                "--eviction-hard=memory.available=1Gi",
                "invalid argument \"memory.available=1Gi\" for \"--eviction-hard\" flag: malformed pair, expect string<string",
            ),
        ] {
            let errors = Flags::parse(&[argument]).errors;
            assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [message]);
        }
    }
}
