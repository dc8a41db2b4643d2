//! What speaks to a driver of images while it runs.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::channel::{mpsc, oneshot};

use super::{Images, ImagesSnapshot, PullOrder};
use crate::api::Uid;
use crate::driver::Stopped;
use crate::image::{PullId, PullResult};

/// What a driver of images is told.
pub(super) enum Command {
    Pull {
        order: Box<PullOrder>,
        ticket: u64,
        sender: Option<oneshot::Sender<PullResult>>,
    },
    /// Nobody waits any more, by this ticket or by any.
    Unwanted {
        id: PullId,
        ticket: Option<u64>,
    },
    Needed(BTreeSet<Arc<str>>),
    PodGone(Uid),
    DeleteUnused(oneshot::Sender<Result<u64, Arc<str>>>),
    Look(Box<dyn FnOnce(&Images) + Send>),
    Stop,
}

/// Speaks to a driver of [`Images`] while it runs. A clone speaks to the same.
///
/// What is said is done in its order. Said to a driver that is gone it is lost.
#[derive(Clone)]
pub struct ImagesHandle {
    commands: mpsc::UnboundedSender<Command>,
    tickets: Arc<AtomicU64>,
}

impl ImagesHandle {
    pub(super) fn new(commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { commands, tickets: Arc::default() }
    }

    fn say(&self, command: Command) {
        // Who is gone hears nothing.
        let _ = self.commands.unbounded_send(command);
    }

    /// Has an image pulled if it has to be, and waits for what comes of it. Begins at once.
    ///
    /// Dropping the future says that nobody waits any more: a pull that nobody else waits for is dropped too. Another
    /// order of the same [`PullId`] takes this one's place.
    ///
    /// # Errors
    /// [`Stopped`] when the driver stops before, or another order has taken this one's place.
    pub fn pull(&self, order: PullOrder) -> impl Future<Output = Result<PullResult, Stopped>> + Send + use<> {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting { handle: self.clone(), id: order.request.id.clone(), ticket };
        let (sender, receiver) = oneshot::channel();
        self.say(Command::Pull { order: Box::new(order), ticket, sender: Some(sender) });
        async move {
            let answer = receiver.await;
            drop(waiting);
            answer.map_err(|_| Stopped)
        }
    }

    /// Wants an image to be there, and does not wait for it: one that a pod needs later, or that somebody names ahead
    /// of time.
    pub fn want(&self, order: PullOrder) {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        self.say(Command::Pull { order: Box::new(order), ticket, sender: None });
    }

    /// Does not want it any more.
    pub fn unwant(&self, id: PullId) {
        self.say(Command::Unwanted { id, ticket: None });
    }

    /// A pod was admitted that needs these images, as it writes them: they are not removed, but for a removal that is
    /// under way. From the next look on [`PodImages`](crate::runtime::PodImages) says so.
    pub fn needed(&self, images: BTreeSet<Arc<str>>) {
        self.say(Command::Needed(images));
    }

    /// A pod is gone: nothing is pulled for it any more, and its no-cache images can go.
    pub fn pod_gone(&self, pod: Uid) {
        self.say(Command::PodGone(pod));
    }

    /// Removes what nobody uses, because room is needed: how many bytes that has freed, or why not all could go that
    /// should. Where the runtime collects, that is why.
    ///
    /// # Errors
    /// [`Stopped`] when the driver stops before.
    pub async fn delete_unused(&self) -> Result<Result<u64, Arc<str>>, Stopped> {
        let (sender, receiver) = oneshot::channel();
        self.say(Command::DeleteUnused(sender));
        receiver.await.map_err(|_| Stopped)
    }

    /// Looks at the images as they are by then.
    ///
    /// # Errors
    /// [`Stopped`] when the driver stops before.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Images) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (sender, seen) = oneshot::channel();
        self.say(Command::Look(Box::new(move |images| {
            // Nobody waits for it any more, then.
            let _ = sender.send(look(images));
        })));
        seen.await.map_err(|_| Stopped)
    }

    /// The images as a value that can be stored: what [`Images::restarted`] takes.
    ///
    /// # Errors
    /// [`Stopped`] when the driver stops before.
    pub async fn snapshot(&self) -> Result<ImagesSnapshot, Stopped> {
        self.look(Images::snapshot).await
    }

    /// Stops the driver. Pulls that are under way are dropped.
    pub fn stop(&self) {
        self.say(Command::Stop);
    }
}

impl fmt::Debug for ImagesHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImagesHandle").finish_non_exhaustive()
    }
}

/// Somebody who waits for an image, until this is dropped.
struct Waiting {
    handle: ImagesHandle,
    id: PullId,
    ticket: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let (id, ticket) = (self.id.clone(), Some(self.ticket));
        self.handle.say(Command::Unwanted { id, ticket });
    }
}
