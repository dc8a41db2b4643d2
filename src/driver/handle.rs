//! What speaks to a driver while it runs.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use futures::channel::{mpsc, oneshot};

use crate::api::{Pod, Uid};
use crate::machine::Snapshots;
use crate::pod::{KillPodOptions, Pods, PodsEvent, PodsSnapshot};

/// What a driver is told.
pub(super) enum Command {
    Offer { pod: Arc<Pod>, mirror: Option<Arc<Pod>> },
    Event(Box<PodsEvent>),
    Look(Box<dyn FnOnce(&Pods) + Send>),
    Stop,
}

/// Speaks to a [`Driver`](super::Driver) while it runs. A clone speaks to the same.
///
/// What is said is done in its order. Said to a driver that is gone it is lost.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::UnboundedSender<Command>,
}

impl Handle {
    pub(super) const fn new(commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { commands }
    }

    fn say(&self, command: Command) {
        // Who is gone hears nothing.
        let _ = self.commands.unbounded_send(command);
    }

    /// A source has a pod: it is new, or changed. Its deletion stamp begins its deletion. Of a static pod this says
    /// that it has no mirror.
    pub fn offer(&self, pod: Arc<Pod>) {
        self.say(Command::Offer { pod, mirror: None });
    }

    /// A source has a static pod, and the API server has this mirror of it.
    pub fn offer_with_mirror(&self, pod: Arc<Pod>, mirror: Arc<Pod>) {
        self.say(Command::Offer { pod, mirror: Some(mirror) });
    }

    /// A source has a pod no more: it is stopped, if it was not, and forgotten.
    pub fn remove(&self, uid: Uid) {
        self.hand(PodsEvent::Removed { uid });
    }

    /// A pod has to go, for another's reason: it is evicted, preempted, …
    pub fn kill(&self, uid: Uid, options: KillPodOptions) {
        self.hand(PodsEvent::Kill { uid, options });
    }

    /// All pods that the sources want by now. Until `all_sources_ready` was said, nobody is stopped for not being
    /// wanted.
    pub fn want(&self, pods: BTreeSet<Uid>, all_sources_ready: bool) {
        self.hand(PodsEvent::Wanted { pods: Arc::new(pods), all_sources_ready });
    }

    /// Hands an event of any other kind to the machine.
    pub fn hand(&self, event: PodsEvent) {
        self.say(Command::Event(Box::new(event)));
    }

    /// Looks at the pods as they are by then.
    ///
    /// # Errors
    /// [`Stopped`] when the driver stops before.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Pods) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (sender, seen) = oneshot::channel();
        self.say(Command::Look(Box::new(move |pods| {
            // Nobody waits for it any more, then.
            let _ = sender.send(look(pods));
        })));
        seen.await.map_err(|_| Stopped)
    }

    /// The pods as a value that can be stored: what [`Driver::restarted`](super::Driver::restarted) takes.
    ///
    /// # Errors
    /// [`Stopped`] when the driver stops before.
    pub async fn snapshot(&self) -> Result<PodsSnapshot, Stopped> {
        self.look(Pods::snapshot).await
    }

    /// Stops the driver, not the pods.
    pub fn stop(&self) {
        self.say(Command::Stop);
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The driver has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the driver has stopped")]
pub struct Stopped;
