//! The SPIFFE standards as types and rules: IDs, trust domains, selectors, bundles, X.509-SVIDs
//! and JWT-SVIDs. Pure: no runtime, no I/O, no clock.

pub mod csr;
pub mod forms;
pub mod jwk;
pub mod jwt;
pub mod key;
pub mod keyid;
pub mod pem;
pub mod x509;

mod bundle;
mod id;
mod selector;

pub use bundle::{Bundle, JwtAuthority, X509Authority};
pub use id::{IdError, MAX_ID_LEN, SpiffeId, TrustDomain};
pub use selector::{Selector, SelectorError};
