//! Whose images have to be signed.
//!
//! * [`SignaturePolicy`] says by registry and namespace whether an image has to be signed, and in whose name.
//! * [`SignatureMemory`] keeps what was found out, for each image's content, so that it is asked once.
//! * [`Puller`](super::Puller) asks with [`VerifySignature`](super::PullerAction::VerifySignature) before it hands an
//!   image out; what checks it is behind the port [`SignatureVerifier`](crate::runtime::SignatureVerifier).
//!
//! What is verified is the content that containers are made from, not the name: a tag that moves in the meantime does
//! not matter.

mod memory;
mod policy;

pub use memory::{SignatureMemory, SignatureSubject, SignatureVerdict};
pub use policy::{
    SignatureMode, SignaturePolicy, SignaturePolicyError, SignaturePolicyProblem, SignatureRule, SigningPod,
};
