//! What the file says and what the hub has → the plan that makes the two agree. Nothing here asks a hub
//! or touches a sink.
//!
//! - `diff`: compares the two · `wanted`: the requests that follow
//! - `plan`, made of `item`s, each with a typed `step` · `action`: what a step can do
//! - `render`: a plan in words · `rows`: a plan in lines for programs

mod action;
mod diff;
mod item;
mod plan;
mod render;
mod rows;
mod step;
mod wanted;

pub(super) use action::{Action, ObjectKind};
pub(super) use diff::{Observed, Options, SinkState, diff, doomed};
pub(super) use item::{Item, ItemState};
pub(super) use plan::Plan;
pub(super) use render::{markdown, told, words};
pub(super) use step::{ClientChange, InstanceChange, SeenClient, Step};
