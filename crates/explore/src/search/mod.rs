//! Strategies: which of the threads that can go on does so.

mod depth_first;
mod follow;
mod pct;
mod strategy;

pub(crate) use depth_first::DepthFirst;
pub(crate) use follow::{Follow, Guide, Play};
pub(crate) use pct::Pct;
pub(crate) use strategy::{Candidate, Footprint, Point, Strategy};
