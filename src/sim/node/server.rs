//! The API server, as far as one node's pods go: it takes what is said of them and tells what it has.

use std::sync::Arc;
use std::time::Duration;

use super::{Node, What};
use crate::api::{Pod, PodStatus};
use crate::pod::{CompiledPod, LifecycleEvent};
use crate::sim::{Config, Fault, TraceEvent};

/// What the API server has of a pod, beside the pod itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Server {
    /// Of a static pod: what stands for it there.
    pub(super) mirror: Option<Arc<Pod>>,
    /// Whether it has been deleted there.
    pub(super) is_gone: bool,
}

impl Server {
    pub(super) fn new(config: &Config, pod: &Arc<Pod>, compiled: &CompiledPod) -> Self {
        let mirror = (config.statuses && compiled.is_static).then(|| {
            let mut mirror = Arc::clone(pod);
            let annotations = &mut Arc::make_mut(&mut mirror).metadata.annotations;
            annotations.insert(Pod::CONFIG_MIRROR.to_owned(), "sim".to_owned());
            mirror
        });
        Self { mirror, is_gone: false }
    }
}

/// Something that the API server is asked to do.
#[derive(Debug, Clone)]
pub(super) struct Request {
    what: Asked,
    fault: Option<Fault>,
    /// The life of the agent that asked.
    epoch: u32,
}

#[derive(Debug, Clone)]
enum Asked {
    Status(u64, Arc<PodStatus>),
    Deletion,
}

impl Node {
    /// Stamps a pod as being deleted, as the API server does: with the grace that is asked for or its own, and never
    /// with more than before.
    pub(super) fn stamp(&mut self, pod: u32, grace_seconds: Option<i64>) {
        let now = self.now;
        let known = &mut self.pods[pod as usize];
        let own = known.pod.spec.termination_grace_period_seconds.unwrap_or(30);
        let metadata = &mut Arc::make_mut(&mut known.pod).metadata;
        let before = metadata.deletion_grace_period_seconds.filter(|_| metadata.deletion_timestamp.is_some());
        let grace = grace_seconds.unwrap_or(own);
        let grace = before.map_or(grace, |before| before.min(grace));
        metadata.deletion_grace_period_seconds = Some(grace);
        let until = now + Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        let stamp = metadata.deletion_timestamp.map_or(until, |stamp| stamp.min(until));
        metadata.deletion_timestamp = Some(stamp);
    }

    /// The agent hears of a pod as its source has it now.
    pub(super) fn offer(&mut self, pod: u32) {
        let known = &self.pods[pod as usize];
        let offered = Arc::clone(&known.pod);
        self.offer_as(pod, offered);
    }

    /// The agent hears of a pod as its source had it.
    pub(super) fn offer_as(&mut self, index: u32, pod: Arc<Pod>) {
        let known = &self.pods[index as usize];
        let (compiled, mirror) = (Arc::clone(&known.compiled), known.server.mirror.clone());
        self.deliver(index, LifecycleEvent::Offered { pod, compiled, mirror });
    }

    pub(super) fn send_status(&mut self, pod: u32, version: u64, status: Arc<PodStatus>) {
        self.note(pod, |_| TraceEvent::StatusSent { version });
        self.request(pod, Asked::Status(version, status));
    }

    pub(super) fn delete_from_server(&mut self, pod: u32) {
        self.note(pod, |_| TraceEvent::DeletingPod);
        self.request(pod, Asked::Deletion);
    }

    fn request(&mut self, pod: u32, what: Asked) {
        let fault = self.draw_fault(&Fault::OF_REQUESTS);
        if let Some(fault) = fault {
            self.note(pod, |_| TraceEvent::Fault { fault });
        }
        let request = Box::new(Request { what, fault, epoch: self.epoch });
        self.schedule(self.now + self.config.latencies.api, pod, What::Request(request));
    }

    /// The API server does what it is asked to, and answers.
    pub(super) fn serve(&mut self, pod: u32, Request { what, fault, epoch }: Request) {
        if fault == Some(Fault::GetsLost) {
            return;
        }
        let works = fault != Some(Fault::Fails);
        if works {
            self.change(pod, &what);
        }
        let answer = |says| match what {
            Asked::Status(version, _) => LifecycleEvent::StatusSent { version, taken: says },
            Asked::Deletion => LifecycleEvent::PodDeleted { gone: says },
        };
        let now = self.now;
        let mut later = |seconds, says| {
            let at = now + Duration::from_secs(seconds);
            self.schedule(at, pod, What::Reply(epoch, Box::new(answer(says))));
        };
        match fault {
            Some(Fault::NeverAnswers) => {}
            Some(Fault::TimesOut) => later(2, false),
            Some(Fault::AnswersLate) => later(5, true),
            Some(Fault::AnswersTwice) => {
                later(0, true);
                later(1, true);
            }
            _ => self.reply(pod, epoch, answer(works)),
        }
    }

    fn change(&mut self, pod: u32, what: &Asked) {
        let known = &mut self.pods[pod as usize];
        match what {
            Asked::Status(..) if known.server.is_gone => {}
            Asked::Status(version, status) => {
                let there = known.server.mirror.as_mut().unwrap_or(&mut known.pod);
                let is_new = there.status != **status;
                if is_new {
                    Arc::make_mut(there).status = PodStatus::clone(status);
                }
                let (version, offered) = (*version, Arc::clone(&known.pod));
                self.note(pod, |_| TraceEvent::StatusTaken { version });
                if !is_new {
                    // Nobody is told of what changed nothing.
                    return;
                }
                self.schedule(self.now + self.config.latencies.api, pod, What::Offer(offered));
            }
            Asked::Deletion => {
                if !std::mem::replace(&mut known.server.is_gone, true) {
                    self.note(pod, |_| TraceEvent::PodGone);
                }
            }
        }
    }

    /// The agent is answered, if it is still the one that asked.
    pub(super) fn reply(&mut self, pod: u32, epoch: u32, event: LifecycleEvent) {
        if epoch != self.epoch {
            return;
        }
        self.deliver(pod, event);
        if self.config.statuses && self.pods[pod as usize].lifecycle.is_finished() {
            self.remove(pod);
        }
    }
}
