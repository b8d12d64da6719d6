//! Power cuts: a record of everything that a hub wrote and synced while it worked, and what could be on
//! the disk if the power had gone at any moment of it.
//!
//! The record is made by `strace` of the real program. A cut keeps what was synced; of what was written
//! since, it keeps nothing, everything, or any pieces: a disk writes sectors of 512 bytes in any order.

mod disk;
mod image;
mod record;

pub use disk::{Disk, Kept};
pub use image::Image;
pub(crate) use record::recorded;
pub use record::{Op, read};
