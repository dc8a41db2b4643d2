//! Which credentials an image is tried with: the pod's secrets first, then the node's own, then those of plugins.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::channel::mpsc;
use futures::future::{BoxFuture, WeakShared, join_all};

use super::{ImagePorts, ImagesEvent, ImagesNote, ImagesSettings};
use crate::driver::limit::answered;
use crate::image::{
    CredentialProviderRequest, CredentialProviderResponse, CredentialProviders, ImageEvent, ImageReference,
    Keyring, KeyringEntry, PathRule, ProviderLookup, PullPod, PullRequest, RegistryCredentials,
    ServiceAccount,
};
use crate::runtime::{
    CREDENTIAL_PROVIDER_TIMEOUT, CredentialProviderError, PodPullSecrets, PullSecretsError,
};

/// What a pod has of its own.
pub(super) struct PodKeyring {
    /// Of its secrets; or why they cannot be used.
    secrets: Result<Keyring, Arc<str>>,
    account: Option<ServiceAccount>,
}

/// Finds credentials.
pub(super) struct Registrar {
    ports: ImagePorts,
    settings: Arc<ImagesSettings>,
    plugins: Mutex<Plugins>,
    events: mpsc::UnboundedSender<ImagesEvent>,
}

#[derive(Default)]
struct Plugins {
    /// What they have answered.
    known: Option<CredentialProviders>,
    /// What they are being asked.
    asking: Vec<Asking>,
    /// Of which patterns it was said that they end within a segment: plugin and pattern.
    said: BTreeSet<(String, String)>,
}

type Answer = Arc<[RegistryCredentials]>;

/// A question that a plugin has not answered yet.
struct Asking {
    provider: usize,
    request: CredentialProviderRequest,
    account: Option<ServiceAccount>,
    answer: WeakShared<BoxFuture<'static, Answer>>,
}

impl Registrar {
    pub(super) fn new(
        ports: ImagePorts,
        settings: Arc<ImagesSettings>,
        plugins: Option<CredentialProviders>,
        events: mpsc::UnboundedSender<ImagesEvent>,
    ) -> Self {
        let plugins = Mutex::new(Plugins { known: plugins, ..Plugins::default() });
        Self { ports, settings, plugins, events }
    }

    /// What the pod of a request has of its own.
    pub(super) async fn of_pod(&self, request: &PullRequest) -> PodKeyring {
        let Some(pod) = &request.pod else {
            return PodKeyring { secrets: Ok(Keyring::default()), account: None };
        };
        let limit = self.settings.call_timeout;
        let found = self.ports.secrets.pull_secrets(pod);
        let found = answered(&*self.ports.clock, limit, PullSecretsError::DeadlineExceeded, found).await;
        let PodPullSecrets { secrets, missing, service_account } = found.unwrap_or_else(|error| {
            self.note(ImagesNote::Secrets { pod: pod.uid.clone(), error: error.to_string().into() });
            PodPullSecrets::default()
        });
        if !missing.is_empty() {
            let event = Box::new(ImageEvent::missing_pull_secrets(&missing));
            self.tell(ImagesEvent::Pod { id: request.id.clone(), event });
        }
        let secrets = match Keyring::of_secrets(&secrets, self.settings.behaviour.compat) {
            Ok((keyring, faults)) => {
                faults.into_iter().for_each(|fault| self.note(ImagesNote::Credentials(Box::new(fault))));
                Ok(keyring)
            }
            Err(fault) => Err(fault.to_string().into()),
        };
        PodKeyring { secrets, account: service_account }
    }

    /// By what two pods are known to pull an image with the same: hashes, and the service account where plugins are
    /// given its token.
    pub(super) fn name(&self, keyring: &PodKeyring, image: &str) -> Arc<str> {
        let Ok(image) = image.parse::<ImageReference>() else { return Arc::default() };
        let found = keyring.secrets.iter().flat_map(|secrets| secrets.lookup(image.repository()));
        let mut names: Vec<_> = found.map(|entry| entry.credentials.hash()).collect();
        let plugins = self.plugins();
        let settings = plugins.known.iter().flat_map(CredentialProviders::settings);
        if let Some(account) = &keyring.account
            && settings.into_iter().any(|plugin| plugin.token_attributes.is_some())
        {
            names.push(format!("{}/{}", account.coordinates, account.coordinates.uid));
        }
        names.join(",").into()
    }

    /// What an image is tried with, in order.
    ///
    /// # Errors
    /// Why the pod's secrets cannot be used, where the kubelet's fault is copied.
    pub(super) async fn entries(
        self: &Arc<Self>,
        keyring: &PodKeyring,
        request: &PullRequest,
    ) -> Result<Vec<KeyringEntry>, Arc<str>> {
        let Ok(image) = request.image.parse::<ImageReference>() else { return Ok(Vec::new()) };
        let secrets = keyring.secrets.as_ref().map_err(Arc::clone)?;
        let mut found = secrets.lookup(image.repository());
        self.settings.node_credentials.lookup_into(image.repository(), &mut found);
        let mut found: Vec<_> = found.into_iter().cloned().collect();
        let of_plugins = self.of_plugins(keyring, request.pod.as_deref(), image.repository()).await;
        found.extend(of_plugins.lookup(image.repository()).into_iter().cloned());
        Ok(found)
    }

    /// What the pod presents of its own without asking anybody.
    pub(super) fn own_entries<'a>(&self, keyring: &'a PodKeyring, image: &str) -> Vec<&'a KeyringEntry> {
        let image = image.parse::<ImageReference>().ok();
        let secrets = keyring.secrets.as_ref().ok().zip(image);
        secrets.map(|(secrets, image)| secrets.lookup(image.repository())).unwrap_or_default()
    }

    /// What plugins have for an image, for this pod.
    async fn of_plugins(
        self: &Arc<Self>,
        keyring: &PodKeyring,
        pod: Option<&PullPod>,
        image: &str,
    ) -> Keyring {
        let mut account = keyring.account.clone();
        let mut refused = BTreeSet::new();
        let lookups = loop {
            let lookups = self.lookup(image, account.as_ref());
            let audience = lookups.iter().find_map(|lookup| match lookup {
                ProviderLookup::NeedsToken { provider, audience } if !refused.contains(audience) => {
                    Some((*provider, audience.clone()))
                }
                _ => None,
            });
            let (Some((provider, audience)), Some(account), Some(pod)) = (audience, &mut account, pod) else {
                break lookups;
            };
            let limit = self.settings.call_timeout;
            let token = self.ports.secrets.service_account_token(pod, &audience);
            match answered(&*self.ports.clock, limit, PullSecretsError::DeadlineExceeded, token).await {
                Ok(token) if !token.is_empty() => drop(account.tokens.insert(audience, token)),
                Ok(_) => drop(refused.insert(audience)),
                Err(error) => {
                    self.plugin_failed(provider, &error);
                    refused.insert(audience);
                }
            }
        };
        let answers = lookups.into_iter().filter_map(|lookup| match lookup {
            ProviderLookup::Cached(answer) => Some(futures::future::ready(answer).left_future()),
            ProviderLookup::Ask { provider, request } => {
                Some(self.ask(provider, request, account.clone()).right_future())
            }
            ProviderLookup::NeedsToken { .. } => None,
        });
        let answers = join_all(answers).await;
        let entries = answers.iter().flat_map(|answer| answer.iter().cloned());
        let (keyring, faults) = Keyring::new(PathRule::Prefix, entries);
        faults.into_iter().for_each(|fault| self.note(ImagesNote::Credentials(Box::new(fault))));
        keyring
    }

    fn lookup(&self, image: &str, account: Option<&ServiceAccount>) -> Vec<ProviderLookup> {
        let mut plugins = self.plugins();
        let Plugins { known: Some(known), said, .. } = &mut *plugins else { return Vec::new() };
        for notice in known.within_segment(image) {
            if said.insert((notice.provider.clone(), notice.pattern.clone())) {
                self.note(ImagesNote::WithinSegment(Box::new(notice)));
            }
        }
        known.lookup(self.ports.clock.now(), image, account)
    }

    /// Asks a plugin; whoever asks the same meanwhile gets the same answer.
    fn ask(
        self: &Arc<Self>,
        provider: usize,
        request: CredentialProviderRequest,
        account: Option<ServiceAccount>,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let mut plugins = self.plugins();
        plugins.asking.retain(|asking| asking.answer.upgrade().is_some_and(|answer| answer.peek().is_none()));
        let is_same = |asking: &&Asking| {
            (asking.provider, &asking.request, &asking.account) == (provider, &request, &account)
        };
        let known = plugins.asking.iter().find(is_same).and_then(|asking| asking.answer.upgrade());
        known.unwrap_or_else(|| {
            let call = Arc::clone(self).call(provider, request.clone(), account.clone());
            let answer = call.boxed().shared();
            if let Some(weak) = answer.downgrade() {
                plugins.asking.push(Asking { provider, request, account, answer: weak });
            }
            answer
        })
    }

    async fn call(
        self: Arc<Self>,
        provider: usize,
        request: CredentialProviderRequest,
        account: Option<ServiceAccount>,
    ) -> Answer {
        let settings =
            self.plugins().known.as_ref().and_then(|known| known.settings().get(provider).cloned());
        let Some(settings) = settings else { return Answer::default() };
        let answer = self.ports.plugins.credentials(&settings, &request);
        let (limit, late) = (CREDENTIAL_PROVIDER_TIMEOUT, CredentialProviderError::DeadlineExceeded);
        match answered(&*self.ports.clock, limit, late, answer).await {
            Ok(response) => self.keep(provider, &request, account.as_ref(), response),
            Err(error) => {
                self.plugin_failed(provider, &error);
                Answer::default()
            }
        }
    }

    fn keep(
        &self,
        provider: usize,
        request: &CredentialProviderRequest,
        account: Option<&ServiceAccount>,
        response: CredentialProviderResponse,
    ) -> Answer {
        let (now, mut plugins) = (self.ports.clock.now(), self.plugins());
        let known = plugins.known.as_mut();
        known.map(|known| known.answered(now, provider, request, account, response)).unwrap_or_default()
    }

    fn plugin_failed(&self, provider: usize, error: &dyn std::fmt::Display) {
        let plugins = self.plugins();
        let name = plugins.known.as_ref().and_then(|known| known.settings().get(provider));
        let name = name.map(|settings| settings.name.as_str().into()).unwrap_or_default();
        self.note(ImagesNote::Plugin { name, error: error.to_string().into() });
    }

    fn note(&self, note: ImagesNote) {
        self.tell(ImagesEvent::Note(note));
    }

    fn tell(&self, event: ImagesEvent) {
        // Who is gone hears nothing.
        let _ = self.events.unbounded_send(event);
    }

    /// Nothing in here is left half done by a panic.
    fn plugins(&self) -> MutexGuard<'_, Plugins> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
