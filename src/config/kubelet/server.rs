//! Who may talk to the node agent's server.

use super::SignedDuration;
use super::wire::wire_structs;

wire_structs! {
    /// How requests to the node agent's server are authenticated.
    pub struct KubeletAuthentication {
        /// By client certificates.
        x509: KubeletX509Authentication = "x509" [always],
        /// By bearer tokens.
        webhook: KubeletWebhookAuthentication = "webhook" [always],
        /// Without either.
        anonymous: KubeletAnonymousAuthentication = "anonymous" [always],
    }

    /// Authentication by client certificates.
    pub struct KubeletX509Authentication {
        /// The file of the authorities that a client's certificate may be signed by. Empty: none are accepted.
        client_ca_file: String = "clientCAFile",
    }

    /// Authentication by bearer tokens, which the API server reviews.
    pub struct KubeletWebhookAuthentication {
        /// Whether tokens are accepted. Default: true.
        enabled: Option<bool> = "enabled",
        /// How long an answer of the API server counts. Default: 2 min.
        cache_ttl: SignedDuration = "cacheTTL",
    }

    /// Requests without credentials.
    pub struct KubeletAnonymousAuthentication {
        /// Whether they are accepted, as `system:anonymous`. Default: false.
        enabled: Option<bool> = "enabled",
    }

    /// Which requests to the node agent's server are allowed.
    pub struct KubeletAuthorization {
        /// `AlwaysAllow` or `Webhook`. Default: `Webhook`.
        mode: String = "mode",
        /// What the mode `Webhook` needs.
        webhook: KubeletWebhookAuthorization = "webhook" [always],
    }

    /// How long answers of the API server to access reviews count.
    pub struct KubeletWebhookAuthorization {
        /// How long it stays allowed. Default: 5 min.
        cache_authorized_ttl: SignedDuration = "cacheAuthorizedTTL",
        /// How long it stays refused. Default: 30 s.
        cache_unauthorized_ttl: SignedDuration = "cacheUnauthorizedTTL",
    }
}
