//! Certificates: the folder of signing keys, and the issuer that signs with them.
//!
//! A certificate is made of the state that a request has just read from the database. The issuer never
//! decides whether somebody gets one.

mod issuer;
mod keys;
mod recent;
mod settings;

pub(crate) use issuer::{Issuer, Licensed};
pub(crate) use keys::{KeyFault, add_key};
pub(crate) use settings::CertificateSettings;
