//! `KubeletConfiguration` and what stands in it.

mod configuration;
mod duration;
mod logging;
mod node;
mod server;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

pub use configuration::KubeletConfiguration;
pub use duration::{FlushFrequency, SignedDuration};
pub use logging::{
    FormatOptions, LoggingConfiguration, OutputRoutingOptions, TracingConfiguration, VModuleItem,
};
pub use node::{
    CrashLoopBackOffConfig, MemoryReservation, MemorySwapConfiguration, ShutdownGracePeriodByPodPriority,
    Taint, UserNamespaces,
};
pub use server::{
    KubeletAnonymousAuthentication, KubeletAuthentication, KubeletAuthorization,
    KubeletWebhookAuthentication, KubeletWebhookAuthorization, KubeletX509Authentication,
};
pub use wire::{Field, FieldKind};
