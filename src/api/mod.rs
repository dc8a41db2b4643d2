//! The Kubernetes objects as a node reads them.

mod quantity;

pub use quantity::{Format, ParseQuantityError, Quantity, QuantityOverflow};
